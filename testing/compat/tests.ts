/**
 * The tests that start Prometheus, promtool, Alertmanager or amtool: what must pass with each generation of them.
 * alerts/programs.test.ts says which one is missing.
 */
export const testsOfPrograms = [
  'alerts/programs.test.ts',
  'alerts/alerts.test.ts',
  'alerts/recordings.test.ts',
  'alerts/receivers.test.ts',
  'alerts/delivery.test.ts',
  'alerts/quiet-week.test.ts',
  'alerts/canaries.test.ts',
  'provisioning/pair.test.ts',
  'dashboards/bars.test.ts',
  'dashboards/home.test.ts',
  'dashboards/segments.test.ts',
  'cli/prometheus.test.ts',
  'cli/backfill.test.ts',
  'cli/telemetry.test.ts',
  'exporter/serve/server.test.ts',
  'exporter/exporter.test.ts',
  'audit-api/analytics/analytics-system.test.ts',
  'tools/bench/boards/world.test.ts',
  'demo/stack/stack.test.ts',
  'demo/demo.test.ts',
] as const

/** Tests that name such a program and do not depend on its version. */
export const testsOfNoVersion = ['demo/stack/debian-packages.test.ts'] as const

/** What reads or writes a database, by folder: what must pass with the oldest Postgres. */
export const testsOfDatabases = ['database', 'exporter', 'audit-api', 'testing/audit-api', 'cli', 'docs'] as const
