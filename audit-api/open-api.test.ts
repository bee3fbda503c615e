import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exampleOf, type Operation, problemType } from '../testing/audit-api/contract.ts'
import { type AuditTestbed, openAuditTestbed } from '../testing/audit-api/testbed.ts'
import { createDatabase } from '../testing/database.ts'
import { type Scope, scopes } from './tokens/tokens.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
const tokens = new Map<Scope, string>()

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url, { failuresPerMinute: 1_000 })
  for (const scope of scopes) tokens.set(scope, bed.token({ scopes: [scope] }))
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

const nameOf = ({ method, path }: Operation) => `${method} ${path}`
const secured = () => bed.contract.operations.filter((operation) => operation.secured)
const withBody = () => secured().filter(({ description }) => description.requestBody !== undefined)
const statusesOf = ({ description }: Operation) => Object.keys(description.responses)

interface Changes {
  token?: string | undefined
  query?: string
  payload?: string
  contentType?: string
}

/** A request as the document describes it, with what it requires and nothing else. `bed.server` holds the answer to it. */
async function ask({ method, path, description }: Operation, changes: Changes = {}) {
  const parameters = description.parameters ?? []
  const valueFor = (parameter: (typeof parameters)[number]) =>
    encodeURIComponent(String(parameter.example ?? exampleOf(parameter.schema, parameter.name)))
  const url = parameters
    .filter((parameter) => parameter.in === 'path')
    .reduce((text, parameter) => text.replace(`{${parameter.name}}`, valueFor(parameter)), path)
  const required = parameters.filter((parameter) => parameter.in === 'query' && parameter.required)
  const query = [...required.map((parameter) => `${parameter.name}=${valueFor(parameter)}`), changes.query ?? []].flat()
  const schema = description.requestBody?.content['application/json']?.schema
  const payload = changes.payload ?? (schema === undefined ? undefined : JSON.stringify(exampleOf(schema)))
  return await bed.server.inject({
    method: method === 'POST' ? 'POST' : 'GET',
    url: query.length === 0 ? url : `${url}?${query.join('&')}`,
    headers: {
      ...(changes.token === undefined ? {} : { authorization: `Bearer ${changes.token}` }),
      ...(payload === undefined ? {} : { 'content-type': changes.contentType ?? 'application/json' }),
    },
    ...(payload === undefined ? {} : { payload }),
  })
}

/** The token of the one scope that opens a route. */
async function keyTo(operation: Operation): Promise<string> {
  const opens: string[] = []
  for (const token of tokens.values()) if ((await ask(operation, { token })).statusCode !== 403) opens.push(token)
  expect(opens, `${nameOf(operation)} is opened by one scope`).toHaveLength(1)
  return opens[0] ?? ''
}

describe('the document', () => {
  test('is OpenAPI 3.1 to the letter', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(bed.contract.document as never))
    expect([valid, errors]).toEqual([true, undefined])
    expect(validator.version).toBe('3.1')
  })

  test('has every route of the service, and no other', () => {
    const registered = bed.routes
      .filter(({ hidden }) => !hidden)
      .flatMap(({ url, methods }) => methods.map((method) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`))
      .filter((name) => !name.startsWith('HEAD '))
    expect(bed.contract.operations.map(nameOf).sort()).toEqual(registered.sort())
    const hidden = bed.routes.filter((route) => route.hidden).map(({ url }) => url)
    expect(hidden.filter((url) => !url.startsWith('/docs'))).toEqual([])
  })

  test('says of every route what it is for and every way in which it answers', () => {
    for (const operation of bed.contract.operations) {
      const { description } = operation
      expect(description.summary, nameOf(operation)).toBeTruthy()
      expect(description.tags, nameOf(operation)).toHaveLength(1)
      const expected = operation.secured ? ['400', '401', '403', '429', '500', '503'] : ['500']
      const body = description.requestBody === undefined ? [] : ['413', '415']
      expect(statusesOf(operation), nameOf(operation)).toEqual(expect.arrayContaining(['200', ...expected, ...body]))
      for (const [status, { content, description: text }] of Object.entries(description.responses)) {
        expect(text, `${nameOf(operation)} ${status}`).toBeTruthy()
        if (Number(status) >= 400) expect(Object.keys(content ?? {}), nameOf(operation)).toEqual([problemType])
      }
    }
  })

  test('asks for a token on every route under /v1 and on no other', () => {
    for (const operation of bed.contract.operations) {
      expect(operation.secured, nameOf(operation)).toBe(operation.path.startsWith('/v1/'))
    }
  })
})

describe('the answers are as documented', () => {
  test.each([
    ['a status that is not documented', 418, problemType, '{}', /does not document/],
    ['a type that is not documented', 200, 'text/html', '<p>', /as text\/html/],
    ['another shape', 200, 'application/json', '{"items": 1}', /not as documented/],
    ['a problem without its members', 400, problemType, '{"title": "x"}', /not as documented/],
  ])('and %s would be seen', (_what, status, contentType, body, message) => {
    const answer = { method: 'GET', url: '/v1/audit/events?limit=1', status, contentType, body }
    expect(bed.contract.check(answer)).toMatch(message)
  })

  test('where all is right: a route that fails here lacks an example in its schema', async () => {
    for (const operation of bed.contract.operations) {
      const token = operation.secured ? await keyTo(operation) : undefined
      const answer = await ask(operation, { token })
      // Figures are read from elsewhere; analytics.test.ts holds their answers to the document, with a store and Prometheus.
      if (answer.statusCode === 503 && / is not set/.test(answer.json().detail)) continue
      expect(answer.statusCode, `${nameOf(operation)} ${answer.body.slice(0, 500)}`).toBeLessThan(300)
    }
  })

  test('without a token, with a wrong one, and with one that asks too often', async () => {
    for (const operation of secured()) {
      expect((await ask(operation)).statusCode, nameOf(operation)).toBe(401)
      expect((await ask(operation, { token: 'wrong' })).statusCode, nameOf(operation)).toBe(401)
      const busy = bed.token({ scopes: [...scopes], requestsPerMinute: 1 })
      await ask(operation, { token: busy, query: 'nonsense=1' })
      const refused = await ask(operation, { token: busy })
      expect([refused.statusCode, Number(refused.headers['retry-after'])], nameOf(operation)).toEqual([
        429,
        expect.closeTo(60, -1),
      ])
    }
  })

  test('with a parameter that is none, which is named', async () => {
    // A board says its variables by their own names.
    const fixed = secured().filter(({ method, path }) => method === 'GET' && !path.endsWith('/freshness'))
    for (const operation of fixed) {
      const answer = await ask(operation, { token: await keyTo(operation), query: 'nonsense=1' })
      expect([answer.statusCode, answer.json().field], nameOf(operation)).toEqual([400, 'nonsense'])
    }
  })

  test.each<[string, number, Changes]>([
    ['a body that is no JSON', 400, { payload: '{"a"' }],
    ['a body of another type', 415, { payload: 'x', contentType: 'text/plain' }],
    ['no body', 400, { payload: '' }],
    ['text for an object', 400, { payload: '"x"' }],
    ['a field that is none', 400, { payload: '{"nonsense": 1}' }],
    ['a body over 1 MiB', 413, { payload: `[${' '.repeat(1_048_576)}]` }],
    ['a body too deep', 400, { payload: '['.repeat(10_000) + ']'.repeat(10_000) }],
  ])('with %s', async (_what, status, changes) => {
    for (const operation of withBody()) {
      const answer = await ask(operation, { token: await keyTo(operation), ...changes })
      expect([answer.statusCode, typeof answer.json().field], nameOf(operation)).toEqual([status, 'string'])
    }
  })

  test('with a method that the route does not take, which says the ones it does', async () => {
    for (const { path } of bed.contract.operations) {
      const url = path.replace(/\{\w+\}/g, 'x')
      const answer = await bed.server.inject({ method: 'DELETE', url })
      expect([answer.statusCode, answer.json().status], path).toEqual([405, 405])
      expect(String(answer.headers.allow).split(', ')).toEqual(
        expect.arrayContaining(
          bed.contract.operations.filter((known) => known.path === path).map(({ method }) => method),
        ),
      )
    }
  })

  test('while the tables are locked: a 503 within the statement time-out', { timeout: 30_000 }, async () => {
    const client = await bed.owner.connect()
    const { rows } = await client.query<{ name: string }>(`SELECT oid::regclass::text AS name FROM pg_class
      WHERE relnamespace = 'barometer_audit'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`)
    await client.query(`BEGIN; LOCK TABLE ${rows.map(({ name }) => name).join(', ')}`)
    const asked = secured()
      // A file may take half an hour, and says so.
      .filter(({ path }) => !path.endsWith('.csv'))
      .map(async (operation) => {
        const token = bed.token({ scopes: [...scopes] })
        return [nameOf(operation), (await ask(operation, { token })).statusCode]
      })
    const answers = await Promise.all(asked)
    await client.query('ROLLBACK')
    client.release()
    expect(answers).toEqual(answers.map(([name]) => [name, 503]))
  })
})
