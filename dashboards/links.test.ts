import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalogue } from '../catalogue/index.ts'
import { type ApiQuery, readBoardQueries } from '../demo/boards/board-queries.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../testing/audit-api/testbed.ts'
import { boards, type OpenApi, operationOf, parse, type Target } from '../testing/dashboards.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { dashboards } from './index.ts'
import { auditApi } from './infinity.ts'
import { uids } from './links.ts'

const settings = { adminAppUrl: 'https://admin.example/', traceUrl: 'https://traces.example/trace/' }
const proxy = `/api/datasources/proxy/uid/${auditApi.uid}`

/** Every address in a part of a board, wherever it stands. */
function urlsIn(part: unknown): string[] {
  if (Array.isArray(part)) return part.flatMap(urlsIn)
  if (typeof part !== 'object' || part === null) return []
  return Object.entries(part).flatMap(([key, value]) =>
    key === 'url' && typeof value === 'string' ? [value] : key === 'targets' ? [] : urlsIn(value),
  )
}

/** Every link of every panel, of a board that knows where the admin app and the traces are. */
const links = dashboards.flatMap(({ uid, build }) =>
  ((build(settings).panels ?? []) as Panel[]).flatMap((panel) =>
    urlsIn(panel).map((url) => ({ uid, panel, title: panel.title ?? '', url })),
  ),
)
const variablesOf = (uid: string) => boards.find((board) => board.uid === uid)?.variables ?? []

/** What is where a link is followed. */
interface Here {
  /** A list of what is chosen, or a text that is typed. */
  variables: Readonly<Record<string, string | readonly string[]>>
  /** The row that is clicked, by the headings of its columns. */
  row?: Readonly<Record<string, string>>
  /** The cell that is clicked. */
  value?: string
}

const [from, to] = [new Date('2026-03-01T00:00:00Z'), new Date('2026-03-31T00:00:00Z')]

/**
 * A link as Grafana fills it in. What says nothing of its encoding is encoded as an address is, so that characters which mean
 * something in one stay.
 */
function filled(url: string, { variables, row = {}, value = '' }: Here): string {
  const queryParam = (name: string) =>
    [variables[name] ?? []]
      .flat()
      .map((each) => `var-${name}=${encodeURIComponent(each)}`)
      .join('&')
  const encoded = (text: string | readonly string[], format: string | undefined) => {
    if (format === 'percentencode') return encodeURIComponent(typeof text === 'string' ? text : `{${text.join(',')}}`)
    return format === 'csv' ? String(text) : encodeURI(String(text))
  }
  return url.replace(/\$\{(\w+)(?:\.([^:}]+))?(?::([^}]+))?\}/g, (_, name: string, path?: string, format?: string) => {
    if (name === '__url_time_range') return `from=${from.getTime()}&to=${to.getTime()}`
    if (name === '__all_variables') return Object.keys(variables).map(queryParam).join('&')
    if (name === '__from') return from.toISOString()
    if (name === '__to') return to.toISOString()
    if (name === '__value') return encoded(value, format)
    if (name === '__data') return encoded(row[(path ?? '').replace('fields.', '')] ?? '', format)
    return format === 'queryparam' ? queryParam(name) : encoded(variables[name] ?? '', format)
  })
}

/** A board as a link opens it: the uid, and what is chosen of its variables. */
function opened(link: string): { uid: string; chosen: Record<string, string[]>; time: (string | null)[] } {
  const { pathname, searchParams } = new URL(link, 'https://grafana.example')
  const names = [...new Set(searchParams.keys())].filter((name) => name.startsWith('var-'))
  const chosen = names.map((name) => [name.slice(4), searchParams.getAll(name)] as const)
  return {
    uid: pathname.replace('/d/', ''),
    chosen: Object.fromEntries(chosen.filter(([, values]) => values[0] !== 'All')),
    time: [searchParams.get('from'), searchParams.get('to')],
  }
}

test('every link leads to a board, the audit API through Grafana, the admin app or the traces', () => {
  const places = ['/d/', `${proxy}/v1/`, settings.adminAppUrl, settings.traceUrl]
  for (const { title, url } of links)
    expect(
      places.filter((place) => url.startsWith(place)),
      `${title}: ${url}`,
    ).toHaveLength(1)
  for (const place of places) expect(links.filter(({ url }) => url.startsWith(place)).length, place).toBeGreaterThan(0)
  // Where addresses would stand in Markdown.
  for (const { panels } of boards) expect(panels.filter(({ type }) => type === 'text')).toEqual([])
})

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

test('a variable that two boards have is the same choice on both, since links take it along', () => {
  const all = boards.flatMap(({ variables }) => variables)
  for (const [name, same] of Map.groupBy(all, (variable) => variable.name)) {
    const kinds = same.map(({ type, multi, allValue, label }) => ({ type, multi, allValue, label }))
    for (const kind of kinds) expect(kind, name).toEqual(kinds[0])
  }
})

const toBoards = links.filter(({ url }) => url.startsWith('/d/'))

test.each(toBoards)('$uid > $title: $url opens a board that exists, at the same time, with what it has', (link) => {
  const here = Object.fromEntries(variablesOf(link.uid).map(({ name }) => [name, [`a value of ${name}`]]))
  const { uid, chosen, time } = opened(filled(link.url, { variables: here, row: {}, value: '7' }))
  expect(Object.values(uids)).toContain(uid)
  expect(time).toEqual([String(from.getTime()), String(to.getTime())])
  const there = variablesOf(uid).map(({ name }) => name)
  // Taken along as a whole, what the other board does not have is left alone.
  const taken = link.url.includes('${__all_variables}') ? Object.keys(here) : []
  expect([...there, ...taken]).toEqual(expect.arrayContaining(Object.keys(chosen)))
  expect(chosen.datasource).toEqual(here.datasource)
  // One that sets a variable itself cannot take all the others along: one of them would stand twice.
  for (const values of Object.values(chosen)) expect(values).toHaveLength(1)
  // What stands in a row has a column.
  const headings = (link.panel.targets as Target[]).flatMap(({ columns = [] }) => columns.map(({ text }) => text))
  for (const [, field] of link.url.matchAll(/\$\{__data\.fields\.(\w+)/g)) expect(headings).toContain(field)
})

/** Metrics of queries, whatever is asked of them. */
const metricsOf = (panels: readonly { targets?: unknown }[] = []): string[] =>
  panels.flatMap(({ targets: all = [] }) =>
    (all as Target[]).flatMap(({ expr }) =>
      expr === undefined ? [] : parse(expr).selectors.map(({ metric }) => metric),
    ),
  )

/** Figures that no board explains by themselves: what admins did about them is what there is to see. */
const explainedByActions = ['Open bug reports', 'Pending influencer requests']

test('every figure of the home board leads to a board that shows the same metric', () => {
  const home = boards.find(({ uid }) => uid === uids.home)
  const figures = home?.panels.filter(({ type, title }) => type !== 'table' && title !== 'Data as of') ?? []
  for (const panel of figures) {
    const [url = ''] = urlsIn(panel).filter((each) => each.startsWith('/d/'))
    const { uid } = opened(filled(url, { variables: {} }))
    if (explainedByActions.includes(panel.title ?? '')) expect(uid, panel.title).toBe(uids.audit)
    else
      expect(metricsOf(boards.find((board) => board.uid === uid)?.panels), panel.title).toEqual(
        expect.arrayContaining(metricsOf([panel])),
      )
  }
  expect(figures.length).toBeGreaterThan(20)
})

test('with an admin app the quick actions open its pages, filtered as the figure; without one they lead to a board', () => {
  const pages = links.filter(({ url }) => url.startsWith(settings.adminAppUrl))
  expect(pages.map(({ title, url }) => [title, url])).toEqual([
    ['Open bug reports', 'https://admin.example/bug-reports?status=open'],
    ['Failed jobs, 24 h', 'https://admin.example/jobs?state=failed'],
    ['Pending influencer requests', 'https://admin.example/influencer-requests?status=pending'],
  ])
  for (const { panel, url } of pages) {
    const [, word = ''] = /=(\w+)$/.exec(url) ?? []
    const [metric] = metricsOf([panel])
    expect(catalogue.find(({ name }) => name === metric)?.help).toContain(word)
  }
  expect(JSON.stringify(dashboards.map(({ build }) => build()))).not.toContain('https://')
})

test('the id of a trace stands behind the address of the traces', () => {
  const [trace] = links.filter(({ url }) => url.startsWith(settings.traceUrl))
  expect(filled(trace?.url ?? '', { variables: {}, value: '0af7651916cd43dd' })).toBe(
    `${settings.traceUrl}0af7651916cd43dd`,
  )
})

let database: TestDatabase
let bed: AuditTestbed
let document: OpenApi

/** Ids that are part of one another, and one of all that means something in an address. */
const targets = ['7', '17', '7&8=9+x#y %z/ü']

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url, { now: () => to })
  document = (await bed.server.inject({ method: 'GET', url: '/openapi.json' })).json()
  const payload = Array.from({ length: 180 }, (_, index) =>
    sampleEvent({
      occurred_at: new Date(from.getTime() + (index + 1) * 3_600_000).toISOString(),
      actor: { type: 'admin', id: `admin+${index % 2}&`, name: 'An admin' },
      target: { type: index % 4 === 0 ? 'payment' : 'user', id: targets[index % 3] },
      metadata: { seat: 7 },
    }),
  )
  const headers = { authorization: `Bearer ${bed.token({ scopes: ['ingest'] })}` }
  const answer = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload })
  expect(answer.statusCode, answer.body).toBe(201)
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

async function get(url: string): Promise<string> {
  const headers = { authorization: `Bearer ${bed.token({ scopes: ['read', 'export'] })}` }
  const answer = await bed.server.inject({ method: 'GET', url, headers })
  expect(answer.statusCode, `${url}: ${answer.body}`).toBe(200)
  return answer.body
}

interface Event {
  id: string
  actor: { id: string }
  target: { type: string; id: string }
}

/** What a panel of the audit board shows where the variables are so. */
async function shown<Item>(panel: string, chosen: Here['variables']): Promise<Item[]> {
  const isOf = (query: ApiQuery) => query.uid === uids.audit && query.panel === panel
  const lists = Object.fromEntries(Object.entries(chosen).map(([name, values]) => [name, [values].flat()]))
  const query = readBoardQueries({ now: to, chosen: lists }).api.find(isOf)
  return JSON.parse(await get(query?.path ?? '')).items
}

const ofAudit = links.filter(({ uid }) => uid === uids.audit)

test('the export takes every filter of the audit board along, through Grafana’s own proxy, and gives what matches', async () => {
  const exports = ofAudit.filter(({ url }) => url.startsWith(proxy))
  const panel = exports[0]?.panel
  expect(panel?.links?.map(({ title }) => title)).toEqual(['Export CSV (all matching)', 'Export NDJSON (all matching)'])
  // In the same tab Grafana's router would catch it.
  expect(panel?.links?.map(({ targetBlank }) => targetBlank)).toEqual([true, true])
  const filters = variablesOf(uids.audit)
    .map(({ name }) => name)
    .filter((name) => !['datasource', 'page'].includes(name))
  const chosen = {
    admin: ['admin+0&', 'nobody'],
    action: ['user.suspend'],
    resource_type: ['user', 'payment'],
    outcome: ['success'],
    target: '7&8=9+x#y %z/ü',
    q: '#Y %Z',
  }
  expect(Object.keys(chosen)).toEqual(filters)
  const events = await shown<Event>('Events', chosen)
  expect(events).toHaveLength(30)
  for (const { url } of exports) {
    for (const name of [...filters, '__from', '__to']) expect(url).toContain(`\${${name}:`)
    const path = filled(url, { variables: chosen }).replace(proxy, '')
    const { pathname, searchParams } = new URL(path, 'https://grafana.example')
    const operation = operationOf(document, pathname)
    const known = operation?.parameters?.filter((one) => one.in === 'query').map(({ name }) => name)
    for (const name of searchParams.keys()) expect(known, url).toContain(name)
    const lines = (await get(path)).trimEnd().split('\n')
    expect(lines).toHaveLength(events.length + (searchParams.get('format') === 'ndjson' ? 0 : 1))
    for (const { id } of events) expect(lines.some((line) => line.includes(id))).toBe(true)
  }
})

test.each(targets)('the target %s of an event leads to what was done to it, and to nothing else', async (id) => {
  const [link] = ofAudit.filter(({ url }) => url.includes('${__value.raw'))
  const variables = { datasource: 'prometheus', admin: ['admin+1&'], q: 'seat', page: '1' }
  const url = filled(link?.url ?? '', { variables, row: { Resource: 'user' }, value: id })
  const { chosen } = opened(url)
  const { datasource, ...others } = chosen
  expect(datasource).toEqual(['prometheus'])
  const events = await shown<Event>('Events', others)
  expect(events.map(({ target }) => target)).toEqual(Array(45).fill({ type: 'user', id, name: null }))
  expect(new Set(events.map(({ actor }) => actor.id)).size).toBe(2)
})

test('a page of the pager leads to that page of the same filter', async () => {
  const [link] = ofAudit.filter(({ url }) => url.includes('${__data.fields.Value'))
  const variables = { datasource: 'prometheus', admin: ['admin+1&'], resource_type: ['user', 'payment'], q: 'seat' }
  const pages = await shown<{ page: number }>('Pages', variables)
  expect(pages.map(({ page }) => page)).toEqual([0, 1])
  const found = new Set<string>()
  for (const { page } of pages) {
    const { chosen } = opened(filled(link?.url ?? '', { variables, row: { Value: String(page) } }))
    expect(chosen).toEqual({ ...variables, datasource: ['prometheus'], q: ['seat'], page: [String(page)] })
    for (const { id, actor } of await shown<Event>('Events', chosen)) {
      found.add(id)
      expect(actor.id).toBe('admin+1&')
    }
  }
  expect(found.size).toBe(90)
})
