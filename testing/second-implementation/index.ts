import { expectedContent } from './content.ts'
import { complete, inputsAt } from './history.ts'
import { expectedRevenue } from './revenue.ts'
import { type ExpectedMetric, type World, worldOf } from './rules.ts'
import { expectedUsers } from './users.ts'

/** Every figure, worked out by loops over the rows. */
export const expectedAll = (world: World): ExpectedMetric[] => [
  ...expectedUsers(world),
  ...expectedContent(world),
  ...expectedRevenue(world),
]

/** The metrics that have a second implementation: those that are worked out where there are no rows at all. */
export const secondImplementation = expectedAll(worldOf(complete({}), inputsAt('2026-01-01 00:00:00Z'))).map(
  ({ metric }) => metric,
)
