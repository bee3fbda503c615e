import { bugReportsOpen as metric } from '../../../catalogue/quick-actions.ts'
import type { Collector } from '../../store/figure.ts'
import { fold } from '../rules.ts'
import { bugReport } from './state.ts'

export const bugReports: Collector = {
  name: 'bug-reports',
  views: metric.sources,
  parts: [bugReport.name],
  oracle: [
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
    },
  ],
}
