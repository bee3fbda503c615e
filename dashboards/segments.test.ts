import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Chosen, readBoardQueries } from '../demo/boards/board-queries.ts'
import { seed } from '../demo/simulator/seed.ts'
import { migrateStore } from '../exporter/store/migrate.ts'
import { createPool, type Pool } from '../lib/postgres.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent, withRole } from '../testing/audit-api/testbed.ts'
import { boards } from '../testing/dashboards.ts'
import { type Past, startPast, type Vector } from '../testing/past.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../testing/platform.ts'
import { Exporter, storeSchema } from '../testing/store/exporter.ts'
import { notFilteredBy } from './filters.ts'

/** A Friday on which a step of six hours ends. */
const asOf = new Date('2026-05-15T18:00:00Z')
const hours = (count: number): Date => new Date(asOf.getTime() - count * 3_600_000)
/**
 * What the queries read: now, the midnights at which the last bar of a day, of 7 days and of 30 begin as Prometheus counts
 * them, and what these are compared with.
 */
const scraped = [738, 720, 210, 168, 42, 24, 18, 6, 0].map(hours)

/** Hours before as SQL. */
const ago = (count: number): string => `timestamptz '${hours(count).toISOString()}'`
/**
 * Beside what is seeded: a country that everybody has left, tiers of which only the past or only a trial is left, currencies
 * in which nothing recurs, and today something of each kind that moves MRR.
 */
const rare = `
WITH gone AS (
  INSERT INTO platform.users (created_at, updated_at, deleted_at, country)
  SELECT at, ${ago(800)}, ${ago(800)}, 'TV' FROM (VALUES (${ago(900)})) AS made (at) RETURNING id
), leaver AS (
  INSERT INTO platform.users (created_at, updated_at, deleted_at, country)
  VALUES (${ago(200)}, ${ago(20)}, ${ago(20)}, 'DE') RETURNING id
), trial AS (
  INSERT INTO platform.subscriptions (user_id, tier, status, amount_minor, currency, started_at, updated_at)
  SELECT id, 'preview', 'trialing', 900, 'EUR', ${ago(190)}, ${ago(190)} FROM leaver
), payer AS (
  INSERT INTO platform.users (created_at, updated_at, country) VALUES (${ago(2_000)}, ${ago(2_000)}, 'DE') RETURNING id
), ended AS (
  INSERT INTO platform.subscriptions (user_id, tier, status, amount_minor, currency, started_at, ended_at, updated_at)
  SELECT id, 'legacy', 'canceled', 900, 'SEK', ${ago(1_500)}, ${ago(10)}, ${ago(10)} FROM payer RETURNING id, user_id
), moved AS (
  INSERT INTO platform.subscription_events
    (subscription_id, user_id, occurred_at, kind, from_tier, to_tier, mrr_before_minor, mrr_after_minor, currency)
  SELECT id, user_id, at, kind, from_tier, to_tier, before, after, 'SEK' FROM ended, (VALUES
    (${ago(1_500)}, 'new', NULL, 'legacy', 0, 900), (${ago(9)}, 'upgrade', 'legacy', 'pro', 900, 1900),
    (${ago(8)}, 'downgrade', 'pro', 'legacy', 1900, 900), (${ago(7)}, 'cancel', 'legacy', NULL, 900, 0),
    (${ago(6.5)}, 'reactivate', NULL, 'legacy', 0, 900), (${ago(6)}, 'cancel', 'legacy', NULL, 900, 0)
  ) AS event (at, kind, from_tier, to_tier, before, after)
), paid AS (
  INSERT INTO platform.payments (user_id, paid_at, kind, amount_minor, currency)
  SELECT id, ${ago(5)}, 'credits', 500, 'GBP' FROM payer RETURNING id, user_id
)
INSERT INTO platform.refunds (payment_id, user_id, refunded_at, amount_minor, currency)
SELECT id, user_id, ${ago(4)}, 200, 'GBP' FROM paid`

let database: PlatformDatabase
let past: Past
let store: Pool
let bed: AuditTestbed

beforeAll(async () => {
  database = await createPlatformDatabase()
  await seed(database.url, { now: asOf, users: 1_200 })
  await database.pool.query(rare)
  const exporter = new Exporter(database.pool, database.url, 'UTC', 'barometer_source')
  await migrateStore(exporter.settings)
  const shown = []
  for (const at of scraped) shown.push(await exporter.refreshAt(at.toISOString()))
  await exporter.stop()
  past = await startPast(shown)
  const connectionString = withRole(database.url, 'barometer_audit')
  store = createPool({ connectionString, applicationName: 'test-segments', connectionsMax: 4 })
  bed = await openAuditTestbed(database.url, { now: () => asOf, analytics: { store, storeSchema } })
  await recordEvents()
})
afterAll(async () => {
  await bed.close()
  await store.end()
  await past.stop()
  await database.drop()
})

const admins = ['ada', 'grace', 'alan']
const targets = ['7', '17', 'seven']
/** What is typed into a text: of each, every event has one. */
const typed: Readonly<Record<string, readonly string[]>> = {
  q: admins.map((admin) => admin.toUpperCase()),
  target: targets,
}

/** So many that they are three pages. */
async function recordEvents(): Promise<void> {
  const of = <Value>(values: readonly Value[], index: number) => values[index % values.length]
  const payload = Array.from({ length: 120 }, (_, index) =>
    sampleEvent({
      occurred_at: hours(1 + index).toISOString(),
      actor: { type: 'admin', id: of(admins, index), name: 'An admin' },
      action: of(['user.suspend', 'credits.grant', 'payment.refund', 'user.delete'], index),
      target: { type: of(['user', 'user', 'payment', 'user', 'character'], index), id: of(targets, index) },
      outcome: of(['success', 'success', 'success', 'failure', 'success', 'success', 'success'], index),
    }),
  )
  const headers = { authorization: `Bearer ${bed.token({ scopes: ['ingest'] })}` }
  const answer = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload })
  expect(answer.statusCode, answer.body).toBe(201)
}

async function get(path: string): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${bed.token({ scopes: ['read'] })}` }
  const answer = await bed.server.inject({ method: 'GET', url: path, headers })
  expect(answer.statusCode, `${path}: ${answer.body}`).toBe(200)
  return answer.json()
}

/** What the drop-down of a variable offers, on a board whose range is an hour. */
async function valuesOf(uid: string, name: string): Promise<readonly string[]> {
  if (typed[name] !== undefined) return typed[name]
  const panel = `variable ${name}`
  const label = readBoardQueries({ now: asOf }).labels.find((query) => query.uid === uid && query.panel === panel)
  if (label !== undefined) return await past.labelValues(label.metric, label.label, 3_600)
  const query = boards.find((board) => board.uid === uid)?.variables.find((variable) => variable.name === name)?.query
  const { url, root_selector } = (query as { infinityQuery: { url: string; root_selector: string } }).infinityQuery
  const parameters = new URLSearchParams({ from: hours(720).toISOString(), to: asOf.toISOString() })
  return ((await get(`${url}?${parameters}`))[root_selector] as { value: string }[]).map(({ value }) => value)
}

/** What a query answers, by what its rows are told apart by. */
type Answer = ReadonlyMap<string, number>

interface Asked {
  panel: string
  refId: string
  /** As it is sent. */
  text: string
  /** Whether what it answers of all values is the sum of what it answers of each. */
  adds: boolean
  ask: () => Promise<Answer>
}

/** A part of a whole and a quantile do not add up; all else counts or sums. */
const addsUp = (expression: string): boolean => !/ \/ |histogram_quantile/.test(expression)

const answerOf = (vector: Vector): Answer =>
  new Map(vector.map(({ metric, value }) => [JSON.stringify(Object.entries(metric).sort()), value]))

/** What adds up of an answer of the API: rows by a column, and the number in another. Of others it is told that they change. */
const sums: Readonly<Record<string, { by: string; value: string }>> = {
  Cohorts: { by: 'cohort', value: 'users' },
  'Events that match': { by: '', value: 'total' },
}

/** Every query of a board that stands in a panel, with the values chosen: of the last point that Grafana would ask for. */
function queriesOf(uid: string, chosen: Chosen, rangeSeconds?: number): Asked[] {
  const { prometheus, api } = readBoardQueries({
    now: asOf,
    chosen,
    ...(rangeSeconds === undefined ? {} : { rangeSeconds }),
  })
  return [
    ...prometheus
      .filter((query) => query.uid === uid && !query.panel.startsWith('annotation'))
      .map(({ panel, refId, expression, range }): Asked => {
        const stepSeconds = range?.stepSeconds ?? 1
        const at = new Date(Math.floor(asOf.getTime() / 1_000 / stepSeconds) * stepSeconds * 1_000)
        const ask = async () => answerOf(await past.query(expression, at))
        return { panel, refId, text: `${expression} each ${stepSeconds} s`, adds: addsUp(expression), ask }
      }),
    ...api
      .filter((query) => query.uid === uid && !query.path.includes('/freshness'))
      .map(({ panel, refId, path, root }): Asked => {
        const sum = sums[panel]
        const ask = async (): Promise<Answer> => {
          const body = await get(path)
          const rows = (root === '' ? [body] : body[root]) as Record<string, unknown>[]
          if (sum !== undefined) return new Map(rows.map((row) => [String(row[sum.by]), Number(row[sum.value])]))
          return new Map(rows.map((row) => [JSON.stringify(row), 1]))
        }
        return { panel, refId, text: path, adds: sum !== undefined, ask }
      }),
  ]
}

const isNear = (one: number, other: number): boolean =>
  Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(one), Math.abs(other))

const areAlike = (one: Answer, other: Answer): boolean =>
  [...new Set([...one.keys(), ...other.keys()])].every((key) => isNear(one.get(key) ?? 0, other.get(key) ?? 0))

function sumOf(answers: readonly Answer[]): Answer {
  const sum = new Map<string, number>()
  for (const answer of answers) for (const [key, value] of answer) sum.set(key, (sum.get(key) ?? 0) + value)
  return sum
}

const turned = boards.flatMap(({ uid, panels, variables }) =>
  variables.filter(({ multi, name }) => multi || name in typed).map(({ name }) => ({ uid, name, panels })),
)

test.each(turned)('$uid: $name changes every panel that does not say otherwise, and its values add up', async (one) => {
  const { uid, name, panels } = one
  const values = await valuesOf(uid, name)
  expect(values.length, `${name} has ${values.join(', ')}`).toBeGreaterThan(1)
  const byValue = values.map((value) => queriesOf(uid, { [name]: [value] }))
  const together = queriesOf(uid, { [name]: values })
  const wrong: string[] = []
  for (const [index, all] of queriesOf(uid, {}).entries()) {
    const where = `${all.panel} ${all.refId}`
    const row = panels.find(({ title }) => title === all.panel)?.row ?? ''
    const each = byValue.map((queries) => queries[index]).filter((query) => query !== undefined)
    const texts = new Set(each.map(({ text }) => text))
    if (notFilteredBy(row).includes(name)) {
      if (texts.size > 1 || !texts.has(all.text)) wrong.push(`${where} is filtered, though its row says it is not`)
      continue
    }
    if (texts.size < values.length) {
      wrong.push(`${where} is not filtered`)
      continue
    }
    const whole = await all.ask()
    const answers = await Promise.all(each.map((query) => query.ask()))
    if (whole.size === 0) wrong.push(`${where} has no answer`)
    if (answers.every((answer) => areAlike(answer, whole))) wrong.push(`${where} is the same for every value`)
    const isList = !(name in typed)
    if (isList && !areAlike((await together[index]?.ask()) ?? new Map(), whole))
      wrong.push(`${where} is not the same for all values chosen one by one`)
    const isByValue = [...whole.keys()].every((key) => key.includes(`["${name}",`))
    if ((all.adds || isByValue) && !areAlike(sumOf(answers), whole)) {
      const found = JSON.stringify([[...sumOf(answers)], [...whole]])
      wrong.push(`${where} does not add up: ${found}`)
    }
  }
  expect(wrong).toEqual([])
})

const choices = boards.flatMap(({ uid, variables }) =>
  variables
    .filter(({ type }) => type === 'custom')
    .map(({ name, options = [] }) => ({ uid, name, values: options.map(({ value }) => String(value)) })),
)

test.each(choices)('$uid: each choice of $name is answered, and by something else', async ({ uid, name, values }) => {
  // Of a month there is a cohort when the month has begun and ended in the range.
  const [first = [], ...others] = values.map((value) => queriesOf(uid, { [name]: [value] }, 90 * 86_400))
  let concerned = 0
  for (const [index, query] of first.entries()) {
    const each = [query, ...others.flatMap((queries) => queries[index] ?? [])]
    if (new Set(each.map(({ text }) => text)).size === 1) continue
    concerned += 1
    const answers = await Promise.all(each.map(({ ask }) => ask()))
    const distinct = new Set(answers.map((answer) => JSON.stringify([...answer])))
    expect(distinct.size, `${query.panel} ${query.refId}`).toBe(values.length)
    for (const answer of answers) expect(answer.size, query.panel).toBeGreaterThan(0)
  }
  expect(concerned).toBeGreaterThan(0)
})
