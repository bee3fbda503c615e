import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuditTestbed, openAuditTestbed } from '../testing/audit-api/testbed.ts'
import { boards, type OpenApi, operationOf, type Schema } from '../testing/dashboards.ts'
import { createDatabase } from '../testing/database.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let document: OpenApi

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  document = (await bed.server.inject({ method: 'GET', url: '/openapi.json' })).json()
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

interface InfinityQuery {
  url: string
  root_selector: string
  columns: { selector: string }[]
  url_options: { params: { key: string; value: string }[] }
}

/** Every query of the audit API on every board, those of variables too. */
const asked = boards.flatMap(({ uid, panels, variables }) => [
  ...panels.flatMap(({ title, targets = [] }) =>
    targets
      .filter(({ url }) => url !== undefined)
      .map((query) => ({ where: `${uid} > ${title}`, query: query as InfinityQuery })),
  ),
  ...variables.flatMap(({ name, query }) => {
    const inner = typeof query === 'object' ? (query.infinityQuery as InfinityQuery | undefined) : undefined
    return inner === undefined ? [] : [{ where: `${uid} > variable ${name}`, query: inner }]
  }),
])

/** Where a selector leads in a schema, or undefined where it leads nowhere. */
function at(schema: Schema | undefined, selector: string): Schema | undefined {
  if (selector === '') return schema
  return selector.split('.').reduce<Schema | undefined>((found, key) => {
    const properties = found?.properties ?? found?.anyOf?.find((choice) => choice.properties)?.properties
    return properties?.[key]
  }, schema)
}

test.each(asked)('$where asks for a route and columns that the audit API has', ({ query }) => {
  const operation = operationOf(document, query.url)
  expect(operation, query.url).toBeDefined()
  const known = (operation?.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name)
  const isFreshness = query.url.endsWith('/freshness')
  for (const { key } of query.url_options.params) {
    // A board tells its freshness whatever variables it has.
    if (!isFreshness) expect(known, `${query.url} takes ${key}`).toContain(key)
  }
  const answer = operation?.responses['200']?.content?.['application/json']?.schema
  const list = at(answer, query.root_selector)
  const item = query.root_selector === '' ? answer : list?.items
  expect(item, `${query.url} has a list ${query.root_selector}`).toBeDefined()
  for (const { selector } of query.columns) {
    expect(at(item, selector), `an item of ${query.url} has ${selector}`).toBeDefined()
  }
})
