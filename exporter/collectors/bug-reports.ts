import { bugReportsOpen as metric } from '../../catalogue/quick-actions.ts'
import type { Collector } from '../collector.ts'
import { fold } from './fragments.ts'

export const bugReports: Collector = {
  name: 'bug-reports',
  views: metric.sources,
  oracle: [
    {
      metric,
      sql: `
SELECT ${fold('b.severity', 'severity')} AS severity, count(*) AS value
FROM bug_reports b
WHERE b.status = 'open' AND b.created_at <= :as_of
GROUP BY 1`,
    },
  ],
}
