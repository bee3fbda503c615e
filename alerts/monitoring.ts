import {
  alertmanagerNotificationsFailedTotal,
  alertSeries,
  notificationsDroppedTotal,
  ruleEvaluationFailuresTotal,
  up,
} from '../catalogue/prometheus.ts'
import { deliveryFor, outageTail } from '../catalogue/slo.ts'
import type { RuleGroup } from './define.ts'
import { outages } from './inhibitions.ts'

const panel = { board: 'barometer-home', title: 'Firing alerts' } as const
const grew = (counter: { name: string }) => `increase(${counter.name}[5m])`
const jobs = (offset = '') => `count by (environment, job) (${up.name}${offset})`
const firing = `${alertSeries.name}{alertname=~"${outages.join('|')}", alertstate="firing"}`

export const monitoringAlerts: RuleGroup = {
  name: 'barometer-monitoring',
  interval: '30s',
  alerts: [
    {
      name: 'PrometheusRuleFailures',
      severity: 'warning',
      component: 'monitoring',
      for: deliveryFor,
      expression: `sum by (environment, rule_group) (${grew(ruleEvaluationFailuresTotal)}) > 0`,
      summary: 'Prometheus cannot evaluate rules',
      description: `For ${deliveryFor} rules of the group that rule_group names have failed: their alerts may never fire.`,
      panel,
    },
    {
      name: 'PrometheusNotificationsDropped',
      severity: 'warning',
      component: 'monitoring',
      for: deliveryFor,
      expression: `sum by (environment) (${grew(notificationsDroppedTotal)}) > 0`,
      summary: 'Prometheus loses alerts on the way to Alertmanager',
      description: `For ${deliveryFor} alerts have reached no Alertmanager.`,
      panel,
    },
    {
      name: 'AlertmanagerNotificationsFailing',
      severity: 'warning',
      component: 'monitoring',
      for: deliveryFor,
      expression: `sum by (environment, integration) (${grew(alertmanagerNotificationsFailedTotal)}) > 0`,
      summary: 'Alertmanager cannot deliver to {{ $labels.integration }}',
      description: `For ${deliveryFor} messages to this receiver have failed again and again.`,
      panel,
    },
    {
      name: 'TargetMissing',
      severity: 'warning',
      component: 'monitoring',
      for: '5m',
      expression: `${up.name} == 0 or (${jobs(' offset 1h')} unless ${jobs()})`,
      summary: 'A target of {{ $labels.job }} is not scraped{{ with $labels.instance }}: {{ . }}{{ end }}',
      description:
        'For 5 minutes Prometheus has not reached it, or the job that was there an hour ago has no target any more. What it exposes is not watched.',
      panel: { board: 'barometer-exporter', title: 'Targets' },
    },
    {
      name: 'OutageEnding',
      severity: 'none',
      component: 'monitoring',
      // An outage's own alert ends a minute after it, what follows from it may be there for longer, and is no news.
      expression: `max by (environment, cause) (label_replace(max_over_time(${firing}[${outageTail}]), "cause", "$1", "alertname", "(.*)"))`,
      summary: 'An outage is there or has just ended: {{ $labels.cause }}',
      description: `Reaches nobody. As long as it fires, and ${outageTail} after the alert that cause names has ended, what follows from that alert is silent.`,
      panel,
    },
    {
      name: 'Watchdog',
      severity: 'none',
      component: 'monitoring',
      expression: 'vector(1)',
      summary: 'The way from Prometheus to the receivers works',
      description: "Always firing. A dead man's switch at the other end pages when it stops coming.",
      panel,
    },
  ],
}
