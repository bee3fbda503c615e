import { stringify } from 'yaml'

/** Labels that all alerts of one outage share; an alert silences only what belongs to its own environment. */
const equal = ['environment']

/** What one alert makes superfluous: the cause on the left, what follows from it on the right. */
const consequences: readonly [cause: string, consequence: string][] = [
  ['DatabaseDown', 'ApiDown|AuditApiDown|GenerationSuccessRateLow|CollectorFailing|SnapshotStale'],
  ['RedisDown', 'QueueWorkersGone|QueueStalled|ApiDown'],
  [
    'ExporterDown',
    'DatabaseDown|RedisDown|StorageDown|ApiDown|NoGpuWorkers|QueueWorkersGone|QueueStalled|ProbeStale|SnapshotStale|CollectorFailing',
  ],
]

export interface ReceiverFiles {
  slackUrlFile: string
  pagerdutyKeyFile: string
  templateFile: string
}

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
        { matchers: ['alertname = "Watchdog"'], receiver: 'nobody' },
        { matchers: ['severity = "critical"'], receiver: 'slack-and-pagerduty', repeat_interval: '1h' },
      ],
    },
    inhibit_rules: [
      ...consequences.map(([cause, consequence]) => ({
        source_matchers: [`alertname = "${cause}"`],
        target_matchers: [`alertname =~ "${consequence}"`],
        equal,
      })),
      {
        source_matchers: ['severity = "critical"'],
        target_matchers: ['severity = "warning"'],
        equal: [...equal, 'component'],
      },
    ],
    receivers: [
      { name: 'nobody' },
      { name: 'slack', slack_configs: [slack(files)] },
      { name: 'slack-and-pagerduty', slack_configs: [slack(files)], pagerduty_configs: [pagerduty(files)] },
    ],
  }
  return `# Made by npm run generate from alerts/receivers.ts.\n${stringify(configuration, { lineWidth: 0, aliasDuplicateObjects: false })}`
}

function slack({ slackUrlFile }: ReceiverFiles) {
  return {
    api_url_file: slackUrlFile,
    send_resolved: true,
    color: '{{ template "barometer.color" . }}',
    title: '{{ template "barometer.title" . }}',
    title_link: '{{ template "barometer.runbook" . }}',
    text: '{{ template "barometer.text" . }}',
    fallback: '{{ template "barometer.title" . }}',
    fields: [
      { title: 'Severity', value: '{{ .CommonLabels.severity }}', short: true },
      { title: 'Component', value: '{{ .CommonLabels.component }}', short: true },
    ],
    actions: [
      { type: 'button', text: 'Runbook', url: '{{ template "barometer.runbook" . }}' },
      { type: 'button', text: 'Dashboard', url: '{{ template "barometer.dashboard" . }}' },
      { type: 'button', text: 'Silence', url: '{{ template "barometer.silence" . }}' },
    ],
  }
}

function pagerduty({ pagerdutyKeyFile }: ReceiverFiles) {
  return {
    routing_key_file: pagerdutyKeyFile,
    send_resolved: true,
    severity: '{{ if eq .CommonLabels.severity "critical" }}critical{{ else }}warning{{ end }}',
    class: '{{ .CommonLabels.alertname }}',
    component: '{{ .CommonLabels.component }}',
    group: '{{ .CommonLabels.environment }}',
    description: '{{ template "barometer.title" . }}',
    links: [{ href: '{{ template "barometer.runbook" . }}', text: 'Runbook' }],
    details: { description: '{{ template "barometer.text" . }}', firing: '{{ .Alerts.Firing | len }}' },
  }
}
