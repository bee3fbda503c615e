import { type Panel, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'

/** Columns of Grafana's grid. */
const gridWidth = 24

/** A row and its panels from left to right, a new line where the width is used up; a line is as high as its highest. */
export function placeRow(title: string, panels: readonly Panel[], top: number) {
  const row = { ...new RowBuilder(title).build(), gridPos: { x: 0, y: top, w: gridWidth, h: 1 } }
  let [x, y, lineHeight] = [0, top + 1, 0]
  const placed = panels.map((panel) => {
    const { w, h } = sizeOf(panel)
    if (x + w > gridWidth) [x, y, lineHeight] = [0, y + lineHeight, 0]
    const at = { ...panel, gridPos: { x, y, w, h } }
    x += w
    lineHeight = Math.max(lineHeight, h)
    return at
  })
  return { panels: [row, ...placed], bottom: y + lineHeight }
}

/**
 * The panels with one more at the right end of the first line, which they must leave room for.
 * @throws where the first line does not end just before it
 */
export function withRightmost(panels: readonly Panel[], last: Panel, width: number): Panel[] {
  let used = 0
  const index = panels.findIndex((panel) => {
    used += sizeOf(panel).w
    return used >= gridWidth - width
  })
  if (used !== gridWidth - width) {
    const titles = panels.slice(0, index + 1).map((panel) => panel.title)
    throw new Error(`${titles.join(', ')} take ${used} columns; expected ${gridWidth - width} beside ${last.title}`)
  }
  return [...panels.slice(0, index + 1), last, ...panels.slice(index + 1)]
}

const sizeOf = (panel: Panel): { w: number; h: number } => panel.gridPos ?? { w: gridWidth, h: 8 }
