import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { parser } from '@prometheus-io/lezer-promql'
import { expect, test } from 'vitest'
import { catalogue } from '../catalogue/index.ts'
import { dashboards } from './index.ts'

const boards = dashboards.map((dashboard) => ({ uid: dashboard.uid, board: dashboard.build() }))
const panelsOf = (board: (typeof boards)[number]['board']) => (board.panels ?? []) as Panel[]
const known = new Set(catalogue.flatMap(({ name }) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]))

function metricsIn(expression: string): string[] {
  const names: string[] = []
  parser.parse(expression).iterate({
    enter: (node) => {
      expect(node.type.isError, expression).toBe(false)
      if (node.name === 'VectorSelector') names.push(/^[\w:]*/.exec(expression.slice(node.from, node.to))?.[0] ?? '')
    },
  })
  return names
}

test.each(boards)(
  '$uid refreshes itself, shows 30 days, cannot be edited and lets the data source be chosen',
  ({ uid, board }) => {
    expect(board).toMatchObject({
      uid,
      refresh: '5m',
      editable: false,
      tags: ['barometer'],
      time: { from: 'now-30d', to: 'now' },
    })
    const sources = board.templating?.list?.filter((variable) => variable.type === 'datasource')
    expect(sources).toHaveLength(1)
    expect(sources?.[0]).toMatchObject({ name: 'datasource', label: 'Data source' })
  },
)

test.each(boards)('$uid: panels are numbered once and do not overlap', ({ board }) => {
  const ids = panelsOf(board).map((panel) => panel.id)
  expect(new Set(ids).size).toBe(ids.length)
  const taken = new Set<string>()
  for (const panel of panelsOf(board)) {
    const { x = 0, y = 0, w = 0, h = 0 } = panel.gridPos ?? {}
    expect(x + w).toBeLessThanOrEqual(24)
    for (let column = x; column < x + w; column += 1) {
      for (let line = y; line < y + h; line += 1) {
        expect(taken.has(`${column} ${line}`), `${panel.title} at ${column}, ${line}`).toBe(false)
        taken.add(`${column} ${line}`)
      }
    }
  }
})

test.each(boards)(
  '$uid: every panel has a title, a definition, a unit, words for nothing, and known metrics',
  ({ board }) => {
    for (const panel of panelsOf(board).filter((of) => of.type !== 'row')) {
      expect(panel.title).toBeTruthy()
      expect(panel.description, panel.title).toMatch(/\.$/)
      expect(panel.fieldConfig?.defaults.unit, panel.title).toBeTruthy()
      expect(panel.fieldConfig?.defaults.noValue, panel.title).toBeTruthy()
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0)
      for (const target of panel.targets ?? []) {
        const { expr, datasource, refId } = target as { expr?: string; datasource?: unknown; refId?: string }
        expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' })
        expect(refId).toBeTruthy()
        for (const name of metricsIn(expr ?? '')) expect(known.has(name), name).toBe(true)
      }
    }
  },
)
