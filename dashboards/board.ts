import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { alerts, deploys } from './annotations.ts'
import { type Section, splitByFilters } from './filters.ts'
import { freshness, freshnessWidth } from './freshness.ts'
import { placeRow, withRightmost } from './layout.ts'
import { type BoardName, boardsLink, uids } from './links.ts'
import { datasourceVariable, type Variable } from './variables.ts'

/** What an installation may set; what is committed has none of it. */
export interface BoardSettings {
  /** The platform's admin app, to which the quick actions lead. */
  adminAppUrl?: string | undefined
  /** What a trace's id is put behind to look at it. */
  traceUrl?: string | undefined
}

interface BoardOptions {
  name: BoardName
  title: string
  description: string
  /** The time range at first; 30 days unless told otherwise. */
  from?: string
  variables?: readonly Variable[]
  sections: readonly Section[]
}

/**
 * What every board has: tag, refresh, time range, the data source variable, annotations, the drop-down of the others, how
 * old the figures are, and rows of panels laid out from left to right. Panels are numbered in order, so that the file
 * changes only where the board does.
 */
export function board(options: BoardOptions): Dashboard {
  const uid = uids[options.name]
  const variables = [datasourceVariable, ...(options.variables ?? [])]
  const dashboard = new DashboardBuilder(options.title)
    .uid(uid)
    .description(options.description)
    .tags(['barometer'])
    .readonly()
    // Grafana's own default, which provisioning sets to the reporting time zone.
    .timezone('')
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh('5m')
    .time({ from: options.from ?? 'now-30d', to: 'now' })
    .variables(variables)
    .annotations([deploys, alerts])
    .link(boardsLink())
    .build()
  const filters = variables.filter((variable) => variable.filters).map(({ name }) => name)
  const rows = options.sections.flatMap((section) => splitByFilters(section, filters))
  dashboard.panels = numbered(rows, freshness(uid, variables).build())
  return withoutPlacement(dashboard)
}

function numbered(rows: readonly { title: string; panels: readonly Panel[] }[], ageOfData: Panel) {
  let id = 0
  let y = 0
  return rows.flatMap(({ title, panels }, index) => {
    const placed = placeRow(title, index === 0 ? withRightmost(panels, ageOfData, freshnessWidth) : panels, y)
    y = placed.bottom
    return placed.panels.map((panel) => {
      id += 1
      return { ...panel, id }
    })
  })
}

/** The SDK always says where links and annotations are to stand, which Grafana before 12.3 does not know. */
function withoutPlacement<Part>(part: Part): Part {
  if (Array.isArray(part)) return part.map(withoutPlacement) as Part
  if (typeof part !== 'object' || part === null) return part
  const entries = Object.entries(part).filter(([key, value]) => key !== 'placement' || value !== 'inControlsMenu')
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutPlacement(value)])) as Part
}
