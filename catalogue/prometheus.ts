/** What Prometheus and Alertmanager say of themselves and of what they scrape. The names are their own. */
export interface OwnMetric {
  name: string
  labels: readonly string[]
  type: 'gauge' | 'counter'
}

export const up = { name: 'up', labels: [], type: 'gauge' } as const satisfies OwnMetric

/** Every alert that is pending or fires, with its labels. */
export const alertSeries = {
  name: 'ALERTS',
  labels: ['alertname', 'alertstate', 'severity', 'component'],
  type: 'gauge',
} as const satisfies OwnMetric

export const ruleEvaluationFailuresTotal = {
  name: 'prometheus_rule_evaluation_failures_total',
  labels: ['rule_group'],
  type: 'counter',
} as const satisfies OwnMetric

export const notificationsDroppedTotal = {
  name: 'prometheus_notifications_dropped_total',
  labels: [],
  type: 'counter',
} as const satisfies OwnMetric

export const alertmanagerNotificationsFailedTotal = {
  name: 'alertmanager_notifications_failed_total',
  labels: ['integration', 'reason'],
  type: 'counter',
} as const satisfies OwnMetric

export const ownMetrics: readonly OwnMetric[] = [
  up,
  alertSeries,
  ruleEvaluationFailuresTotal,
  notificationsDroppedTotal,
  alertmanagerNotificationsFailedTotal,
]
