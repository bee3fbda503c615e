/** What a filter of the audit API takes for no filter. */
export const noFilter = '__all'
/** Grafana's own name of the option that chooses all values. */
export const allOption = '$__all'

/** The uids of the boards: their addresses, and the label `dashboard` of what is counted about them. */
export const dashboardUids = [
  'barometer-home',
  'barometer-users',
  'barometer-content',
  'barometer-revenue',
  'barometer-health',
  'barometer-audit',
  'barometer-exporter',
] as const
export type DashboardUid = (typeof dashboardUids)[number]
