import { stringify } from 'yaml'
import { type Panel, type RuleGroup, runbookOf } from './define.ts'

/** Where a reader of a page goes; relative, since only the adopter knows where the runbooks are published. */
const runbooks = 'docs/runbooks'

/**
 * A group as Prometheus reads it.
 * @param addressOf the path of a panel below Grafana's address
 */
export function renderRules(group: RuleGroup, addressOf: (panel: Panel) => string): string {
  const recordings = (group.recordings ?? []).map(({ name, recordedBy }) => ({ record: name, expr: recordedBy }))
  const alerts = group.alerts.map((alert) => ({
    alert: alert.name,
    expr: alert.expression,
    ...(alert.for === undefined ? {} : { for: alert.for }),
    ...(alert.keepFiringFor === undefined ? {} : { keep_firing_for: alert.keepFiringFor }),
    labels: { component: alert.component, severity: alert.severity },
    annotations: {
      dashboard_url: addressOf(alert.panel),
      description: alert.description,
      runbook_url: `${runbooks}/${runbookOf(alert.name)}.md`,
      summary: alert.summary,
    },
  }))
  const file = { groups: [{ name: group.name, interval: group.interval, rules: [...recordings, ...alerts] }] }
  return `# Made by npm run generate from alerts/.\n${stringify(file, { lineWidth: 0 })}`
}
