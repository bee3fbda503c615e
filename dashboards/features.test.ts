import { expect, test } from 'vitest'
import { boards } from '../testing/dashboards.ts'
import { features } from './features.ts'
import { uids } from './links.ts'

test.each(features)('$feature $asked is shown on $board', ({ board, panels }) => {
  const titles = boards.find(({ uid }) => uid === uids[board])?.panels.map(({ title }) => title)
  expect(panels.length).toBeGreaterThan(0)
  for (const panel of panels) expect(titles).toContain(panel)
})

test('every feature has its lines, none twice', () => {
  const counts = Map.groupBy(features, ({ feature }) => feature)
  // As many as were asked for.
  expect(Object.fromEntries([...counts].map(([name, lines]) => [name, lines.length]))).toEqual({
    F1: 15,
    F2: 14,
    F3: 13,
    F4: 8,
    F5: 13,
    F6: 5,
  })
  const names = features.map(({ feature, asked }) => `${feature} ${asked}`)
  expect(new Set(names).size).toBe(names.length)
})

test('what may be filtered and exported on the audit board is what was asked for', () => {
  const audit = boards.find(({ uid }) => uid === uids.audit)
  const names = audit?.variables.map(({ name }) => name)
  expect(names).toEqual(['datasource', 'admin', 'action', 'resource_type', 'outcome', 'target', 'q', 'page'])
  const events = audit?.panels.find(({ title }) => title === 'Events')
  expect(events?.links?.map(({ title }) => title)).toContain('Export CSV (all matching)')
  expect(events?.targets?.[0]?.columns?.map(({ selector }) => selector)).toContain('actor.name')
})
