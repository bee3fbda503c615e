import { snapshotAgeSeconds } from '../catalogue/slo.ts'
import { lowerIsBetter } from './colors.ts'
import { apiFilter } from './infinity.ts'
import type { Buildable } from './panel-options.ts'
import { apiStat } from './tables.ts'

export const freshnessWidth = 4

/**
 * How old the figures are. The request also tells the audit API that somebody looks at this board and what they filter by,
 * since Grafana has no other way; it must stand at the top, because a panel below the fold asks nothing.
 */
export function freshness(uid: string, filters: readonly string[]): Buildable {
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
    parameters: apiFilter(...filters),
    columns: [{ selector: 'age_seconds', text: 'Age', type: 'number' }],
  })
}
