import * as audit from './audit.ts'
import * as content from './content.ts'
import type { Metric } from './define.ts'
import * as exporter from './exporter.ts'
import * as infrastructure from './infrastructure.ts'
import * as quickActions from './quick-actions.ts'
import * as revenue from './revenue.ts'
import * as users from './users.ts'

/** The domains in the order in which docs/metrics.md shows them. */
export const domains = [
  { title: 'Users', module: users },
  { title: 'Content', module: content },
  { title: 'Revenue', module: revenue },
  { title: 'Quick actions', module: quickActions },
  { title: 'Infrastructure', module: infrastructure },
  { title: 'About ourselves', module: exporter },
  { title: 'Audit API', module: audit },
].map(({ title, module }) => ({ title, metrics: Object.values(module).filter(isMetric) }))

/** Every metric of Barometer. */
export const catalogue: readonly Metric[] = domains.flatMap((domain) => domain.metrics)

/** A metric of any labels, from what a module of the catalogue exports. */
function isMetric(value: unknown): value is Metric {
  return typeof value === 'object' && value !== null && 'exposition' in value
}
