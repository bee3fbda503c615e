import { stringify } from 'yaml'
import { inhibitRules } from './inhibitions.ts'

export interface ReceiverFiles {
  slackUrlFile: string
  pagerdutyKeyFile: string
  /** Holds the address of the dead man's switch, which is as secret as a key. */
  deadMansSwitchUrlFile: string
  templateFile: string
}

/**
 * Alertmanager before 0.26 takes a webhook's address from no file: provisioning/alertmanager/start.sh puts what the file
 * holds in the place of this. The domain is one that never resolves.
 */
const fromFile = (path: string): string => `http://read-from-file.invalid${path}`

/**
 * Alertmanager's configuration: who is told what, and what follows from what. Secrets are named by file only. Loads in
 * Alertmanager 0.25 and later.
 */
export function renderReceivers(files: ReceiverFiles): string {
  const configuration = {
    global: { resolve_timeout: '1m' },
    templates: [files.templateFile],
    route: {
      receiver: 'slack',
      group_by: ['environment', 'alertname', 'component'],
      group_wait: '5s',
      group_interval: '1m',
      repeat_interval: '4h',
      routes: [
        // Every minute: the switch is to notice a silence of a few.
        { matchers: ['alertname = "Watchdog"'], receiver: 'dead-mans-switch', repeat_interval: '1m' },
        { matchers: ['severity = "none"'], receiver: 'nobody' },
        { matchers: ['severity = "critical"'], receiver: 'slack-and-pagerduty', repeat_interval: '1h' },
      ],
    },
    inhibit_rules: inhibitRules(),
    receivers: [
      { name: 'nobody' },
      {
        name: 'dead-mans-switch',
        webhook_configs: [{ url: fromFile(files.deadMansSwitchUrlFile), send_resolved: false, max_alerts: 1 }],
      },
      { name: 'slack', slack_configs: [slack(files)] },
      { name: 'slack-and-pagerduty', slack_configs: [slack(files)], pagerduty_configs: [pagerduty(files)] },
    ],
  }
  return `# Made by npm run generate from alerts/receivers.ts.\n${stringify(configuration, { lineWidth: 0, aliasDuplicateObjects: false })}`
}

const template = (name: string): string => `{{ template "barometer.${name}" . }}`

function slack({ slackUrlFile }: ReceiverFiles) {
  const field = (title: string, name: string) => ({ title, value: template(name), short: true })
  const button = (text: string, name: string) => ({ type: 'button', text, url: template(name) })
  return {
    api_url_file: slackUrlFile,
    send_resolved: true,
    username: 'Barometer',
    color: template('color'),
    title: template('title'),
    title_link: template('runbook'),
    text: template('text'),
    fallback: template('title'),
    footer: '',
    fields: [
      field('Environment', 'environment'),
      field('Severity', 'severity'),
      field('Component', 'component'),
      field('Since', 'since'),
    ],
    actions: [button('Runbook', 'runbook'), button('Dashboard', 'dashboard'), button('Silence', 'silence')],
  }
}

function pagerduty({ pagerdutyKeyFile }: ReceiverFiles) {
  const link = (text: string, name: string) => ({ href: template(name), text })
  return {
    routing_key_file: pagerdutyKeyFile,
    // An incident ends with what it is about.
    send_resolved: true,
    client: 'Barometer',
    client_url: template('dashboard'),
    severity: template('pagerduty_severity'),
    class: '{{ .CommonLabels.alertname }}',
    component: template('component'),
    group: template('environment'),
    description: template('title'),
    links: [link('Runbook', 'runbook'), link('Dashboard', 'dashboard'), link('Silence', 'silence')],
    details: {
      environment: template('environment'),
      description: template('text'),
      since: template('since'),
      firing: '{{ .Alerts.Firing | len }}',
      resolved: '{{ .Alerts.Resolved | len }}',
    },
  }
}
