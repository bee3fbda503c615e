import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { DashboardUid } from '../catalogue/dashboards.ts'
import { dashboards } from './index.ts'

/**
 * The path of one panel of a board, below Grafana's address. Panels are numbered in order, so a path holds as long as the
 * board does; what keeps it is generated together with the boards.
 * @throws where there is no such board, or no panel of that title on it
 */
export function panelAddress({ board, title }: { board: DashboardUid; title: string }): string {
  const panels = panelsOf(board)
  const id = panels.get(title)
  if (id === undefined)
    throw new Error(`${board} has no panel ${title}; expected one of ${[...panels.keys()].join(', ')}`)
  return `/d/${board}?viewPanel=${id}`
}

const known = new Map<DashboardUid, ReadonlyMap<string, number>>()

function panelsOf(uid: DashboardUid): ReadonlyMap<string, number> {
  const found = known.get(uid)
  if (found !== undefined) return found
  const board = dashboards.find((each) => each.uid === uid)?.build()
  const panels = ((board?.panels ?? []) as Panel[]).filter(({ type }) => type !== 'row')
  const ids = new Map(panels.map(({ title = '', id = 0 }) => [title, id]))
  known.set(uid, ids)
  return ids
}
