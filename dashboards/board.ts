import {
  type Dashboard,
  DashboardBuilder,
  DatasourceVariableBuilder,
  type Panel,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableHide,
} from '@grafana/grafana-foundation-sdk/dashboard'

interface BoardOptions {
  uid: string
  title: string
  description: string
  rows: readonly { title: string; panels: readonly { build(): Panel }[] }[]
}

/** Columns of Grafana's grid. */
const gridWidth = 24

/**
 * What every board has: tag, refresh, time range, the data source variable, and rows of panels laid out from left to right.
 * Panels are numbered in order, so that the file changes only where the board does.
 */
export function board(options: BoardOptions): Dashboard {
  const builder = new DashboardBuilder(options.title)
    .uid(options.uid)
    .description(options.description)
    .tags(['barometer'])
    .readonly()
    // Grafana's own default, which provisioning sets to the reporting time zone.
    .timezone('')
    .refresh('5m')
    .time({ from: 'now-30d', to: 'now' })
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(
      new TextBoxVariableBuilder('admin_app').label('Admin app').defaultValue('').hide(VariableHide.HideVariable),
    )
  const dashboard = builder.build()
  let id = 0
  let y = 0
  dashboard.panels = options.rows.flatMap(({ title, panels }) => {
    id += 1
    const row = { ...new RowBuilder(title).build(), id, gridPos: { x: 0, y, w: gridWidth, h: 1 } }
    y += 1
    const placed = place(
      panels.map((panel) => panel.build()),
      y,
      id,
    )
    id += placed.panels.length
    y = placed.bottom
    return [row, ...placed.panels]
  })
  return dashboard
}

/** From left to right, a new line where the width is used up; a line is as high as its highest panel. */
function place(panels: readonly Panel[], top: number, lastId: number): { panels: Panel[]; bottom: number } {
  let x = 0
  let y = top
  let lineHeight = 0
  const placed = panels.map((panel, index) => {
    const { w, h } = panel.gridPos ?? { w: gridWidth, h: 8 }
    if (x + w > gridWidth) {
      x = 0
      y += lineHeight
      lineHeight = 0
    }
    const at = { ...panel, id: lastId + index + 1, gridPos: { x, y, w, h } }
    x += w
    lineHeight = Math.max(lineHeight, h)
    return at
  })
  return { panels: placed, bottom: y + lineHeight }
}
