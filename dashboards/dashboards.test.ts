import { expect, test } from 'vitest'
import { dashboardUids } from '../catalogue/dashboards.ts'
import { boards } from '../testing/dashboards.ts'
import { mentions } from './filters.ts'

test('there are the seven boards, each with a uid and a title of its own', () => {
  expect(boards.map(({ uid }) => uid)).toEqual([...dashboardUids])
  expect(new Set(boards.map(({ board }) => board.title)).size).toBe(boards.length)
})

test.each(boards)('$uid refreshes itself, cannot be edited, and lets the data source be chosen', ({ uid, board }) => {
  expect(board).toMatchObject({ uid, refresh: '5m', editable: false, tags: ['barometer'], timezone: '' })
  const others: Record<string, string> = { 'barometer-health': 'now-3h', 'barometer-exporter': 'now-24h' }
  expect(board.time).toEqual({ from: others[uid] ?? 'now-30d', to: 'now' })
  const sources = board.templating?.list?.filter((variable) => variable.type === 'datasource')
  expect(sources).toHaveLength(1)
  expect(sources?.[0]).toMatchObject({ name: 'datasource', label: 'Data source' })
})

test.each(boards)('$uid: panels are numbered once, stay within the grid and do not overlap', ({ all }) => {
  const ids = all.map((panel) => panel.id)
  expect(ids).toEqual(ids.map((_, index) => index + 1))
  const taken = new Set<string>()
  for (const panel of all) {
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

test.each(boards)('$uid: every panel has a title of its own, a definition, a unit, and words for nothing', (built) => {
  const titles = built.panels.map(({ title }) => title)
  expect(new Set(titles).size).toBe(titles.length)
  for (const panel of built.panels) {
    expect(panel.title).toBeTruthy()
    expect(panel.description, panel.title).toMatch(/\.$/)
    expect(panel.fieldConfig?.defaults.unit, panel.title).toBeTruthy()
    expect(panel.fieldConfig?.defaults.noValue, panel.title).toBeTruthy()
    const names = (panel.targets ?? []).map(({ refId }) => refId)
    expect(names.length, panel.title).toBeGreaterThan(0)
    expect(new Set(names).size, panel.title).toBe(names.length)
  }
})

test.each(boards)('$uid: how old the figures are stands at the top right, where it is asked for at once', (built) => {
  const [panel] = built.panels.filter(({ title }) => title === 'Data as of')
  expect(panel?.gridPos).toEqual({ x: 20, y: 1, w: 4, h: 4 })
  expect(panel?.targets?.[0]?.url).toBe(`/v1/dashboards/${built.uid}/freshness`)
  // With every variable that can be chosen goes what it is unless somebody does.
  const sent = Object.fromEntries(panel?.targets?.[0]?.url_options?.params.map(({ key, value }) => [key, value]) ?? [])
  const chosen = built.variables.filter(({ name }) => !['datasource', 'page'].includes(name))
  expect(Object.keys(sent).sort()).toEqual(chosen.flatMap(({ name }) => [name, `${name}.default`]).sort())
  for (const { name, allValue, current } of chosen) {
    expect(sent[name]).toBe(`\${${name}:csv}`)
    expect(sent[`${name}.default`]).toBe(allValue ?? current?.value)
  }
})

test.each(boards)('$uid: deploys and firing alerts are annotations', ({ board }) => {
  expect(board.annotations?.list?.map(({ name }) => name)).toEqual(['Deploys', 'Alerts'])
})

/** What Grafana knows by itself, also in a link. */
const builtIn = /^(?:__\w+|datasource)$/

test.each(boards)('$uid: every variable is used, and every one that is used is there', ({ uid, board, variables }) => {
  const text = JSON.stringify({ panels: board.panels, annotations: board.annotations, links: board.links })
  const names = variables.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(mentions(text, name), `${uid} uses ${name}`).toBe(true)
  const used = [...text.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = '']) => name)
  for (const name of new Set(used)) {
    if (!builtIn.test(name)) expect(names, `${uid} has no variable ${name}`).toContain(name)
  }
})

test.each(boards)('$uid: a variable is asked for again when the time range changes', ({ variables }) => {
  for (const variable of variables.filter(({ type }) => type === 'query')) {
    expect(variable, variable.name).toMatchObject({ refresh: 2, multi: true, includeAll: true })
    expect(variable.allValue, variable.name).toBeTruthy()
  }
})

test.each(boards)(
  '$uid holds nothing that only newer Grafana knows, and no panel that not all versions have',
  (built) => {
    expect(JSON.stringify(built.board)).not.toContain('inControlsMenu')
    const known = [
      'stat',
      'timeseries',
      'bargauge',
      'barchart',
      'piechart',
      'heatmap',
      'state-timeline',
      'table',
      'text',
    ]
    for (const { type, title } of built.panels) expect(known, title).toContain(type)
    for (const { options, type, title } of built.panels.filter((panel) => panel.type === 'table')) {
      expect(options, `${type} ${title}`).toMatchObject({ footer: { show: false }, enablePagination: false })
    }
  },
)
