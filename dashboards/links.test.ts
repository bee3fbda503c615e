import { expect, test } from 'vitest'
import { dashboards } from './index.ts'
import { uids } from './links.ts'
import { boards } from './testing.ts'

/** Every address on a board, wherever it stands. */
function urlsIn(part: unknown): string[] {
  if (Array.isArray(part)) return part.flatMap(urlsIn)
  if (typeof part !== 'object' || part === null) return []
  return Object.entries(part).flatMap(([key, value]) =>
    key === 'url' && typeof value === 'string' ? [value] : key === 'targets' ? [] : urlsIn(value),
  )
}

test.each(boards)('$uid: a drop-down leads to the other boards, with time range and variables', ({ board }) => {
  expect(board.links).toHaveLength(1)
  expect(board.links?.[0]).toMatchObject({
    type: 'dashboards',
    tags: ['barometer'],
    asDropdown: true,
    keepTime: true,
    includeVars: true,
  })
})

test.each(boards)('$uid: a link to a board names one that exists, keeps the time, and sets what is there', (built) => {
  for (const url of urlsIn(built.board.panels)) {
    if (!url.startsWith('/d/')) continue
    const [, uid = '', query = ''] = /^\/d\/([\w-]+)\?(.*)$/.exec(url) ?? []
    expect(Object.values(uids), url).toContain(uid)
    expect(query, url).toContain('${__url_time_range}')
    const target = boards.find((board) => board.uid === uid)
    const names = target?.variables.map(({ name }) => name) ?? []
    for (const [, name = ''] of query.matchAll(/var-(\w+)=/g)) expect(names, url).toContain(name)
    const keepsAll = query.includes('${__all_variables}')
    // A link that sets a variable itself cannot take all the others along: one of them would stand twice.
    if (!keepsAll) expect(query, url).toContain('${datasource:queryparam}')
  }
})

test('every figure of the home board leads to the board that explains it', () => {
  const home = boards.find(({ uid }) => uid === 'barometer-home')
  for (const panel of home?.panels.filter(({ type }) => type === 'stat') ?? []) {
    if (panel.title === 'Data as of') continue
    const links = panel.fieldConfig?.defaults.links as { url: string }[] | undefined
    expect(
      links?.some(({ url }) => url.startsWith('/d/barometer-')),
      panel.title,
    ).toBe(true)
  }
})

test('with an admin app the quick actions open its pages; without one they lead to a board', () => {
  const adminAppUrl = 'https://admin.example/'
  const [home] = dashboards
  const pages = urlsIn(home?.build({ adminAppUrl }).panels).filter((url) => url.startsWith('https://'))
  expect(pages).toEqual([
    'https://admin.example/bug-reports?status=open',
    'https://admin.example/jobs?state=failed',
    'https://admin.example/influencer-requests?status=pending',
  ])
  expect(JSON.stringify(home?.build())).not.toContain('https://')
})

test('the export takes every filter of the audit board along, through Grafana’s own proxy', () => {
  const audit = boards.find(({ uid }) => uid === 'barometer-audit')
  const exports = audit?.panels.flatMap(({ links = [] }) => links) ?? []
  expect(exports.map(({ title }) => title)).toEqual(['Export CSV (all matching)', 'Export NDJSON (all matching)'])
  for (const { url = '', targetBlank } of exports) {
    expect(url).toMatch(/^\/api\/datasources\/proxy\/uid\/audit-api\/v1\/audit\/events\.csv\?/)
    // In the same tab Grafana's router would catch it.
    expect(targetBlank).toBe(true)
    for (const name of ['admin', 'action', 'resource_type', 'outcome', 'q', '__from', '__to'])
      expect(url).toContain(`\${${name}:`)
  }
})
