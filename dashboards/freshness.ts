import { snapshotAgeSeconds } from '../catalogue/slo.ts'
import { lowerIsBetter } from './colors.ts'
import { apiFilter } from './infinity.ts'
import type { Buildable } from './panel-options.ts'
import { apiStat } from './tables.ts'
import type { Variable } from './variables.ts'

export const freshnessWidth = 4

/**
 * How old the figures are. The request also tells the audit API that somebody looks at this board and what they filter by,
 * since Grafana has no other way; it must stand at the top, because a panel below the fold asks nothing.
 */
export function freshness(uid: string, variables: readonly Variable[]): Buildable {
  return apiStat({
    title: 'Data as of',
    width: freshnessWidth,
    unit: 's',
    decimals: 0,
    noData: 'no figures yet',
    description:
      'How long ago the figures were computed. They come every minute. That this board was opened is recorded with the login.',
    thresholds: lowerIsBetter(snapshotAgeSeconds),
    route: `/v1/dashboards/${uid}/freshness`,
    parameters: variables.flatMap(parametersOf),
    columns: [{ selector: 'age_seconds', text: 'Age', type: 'number' }],
  })
}

/** A variable by its name, and what it is unless somebody chooses, by which the audit API knows that nobody has. */
function parametersOf({ name, usual }: Variable): (readonly [string, string])[] {
  return usual === undefined ? [] : [...apiFilter(name), [`${name}.default`, usual]]
}
