import type { RuleGroup } from './define.ts'

export const metaAlerts: RuleGroup = {
  name: 'barometer-meta',
  interval: '30s',
  alerts: [
    {
      name: 'Watchdog',
      severity: 'none',
      component: 'barometer',
      expression: 'vector(1)',
      summary: 'The way from Prometheus to the receivers works',
      description: "Always firing. A dead man's switch at the other end pages when it stops coming.",
    },
  ],
}
