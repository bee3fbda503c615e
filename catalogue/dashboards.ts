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
