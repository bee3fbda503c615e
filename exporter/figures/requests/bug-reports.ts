import { bugReportsOpen as metric } from '../../../catalogue/quick-actions.ts'
import { ahead, type Cells, type State } from '../../store/domain.ts'
import { type Collector, presentOnly } from '../../store/figure.ts'
import { fold, text } from '../rules.ts'

export const bugReport: State = {
  name: 'bug_report',
  views: ['bug_reports'],
  rowsOf: 'bug_reports',
  entity: { view: 'bug_reports', id: 'bug_report_id' },
  columns: { reported: 'boolean', is_open: 'boolean', severity: 'text' },
  dirtiedBy: { bug_reports: 'SELECT bug_report_id FROM changed' },
  contribution: (entities) => `
SELECT d.id, b.created_at <= :as_of AS reported, b.created_at <= :as_of AND b.status = 'open' AS is_open,
  coalesce(b.severity::text, '') AS severity, ${ahead('b.created_at')} AS next_at
FROM ${entities('b')}`,
}

const open: Cells = { name: 'bug_reports_open', keys: { severity: text('s.severity') }, where: 's.is_open' }

export const bugReports: Collector = {
  name: 'bug-reports',
  reads: [{ of: bugReport, sums: [open] }],
  figures: [
    {
      metric,
      emit: `
SELECT ${fold('severity', 'severity')} AS severity, sum(n) AS value
FROM rollup_bug_reports_open
WHERE n > 0
GROUP BY 1`,
      sql: `
SELECT ${fold('b.severity', 'severity')} AS severity, count(*) AS value
FROM bug_reports b
WHERE b.status = 'open' AND b.created_at <= :as_of
GROUP BY 1`,
      past: presentOnly,
    },
  ],
}
