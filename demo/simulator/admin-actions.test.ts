import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPlatformDatabase, type PlatformDatabase } from '../../testing/platform.ts'
import { type Action, adminActions, weights } from './actions.ts'
import { seed } from './seed.ts'

let database: PlatformDatabase
const actions = Object.entries<Action>(adminActions)

beforeAll(async () => {
  database = await createPlatformDatabase()
  await seed(database.url, { now: new Date(), users: 300 })
})
afterAll(() => database.drop())

interface AdminFunction {
  name: string
  /** Names and types, in order, of what it asks for. */
  parameters: [string, string][]
}

/** What the platform lets admins do, as the database knows it: every function that asks which admin it is. */
async function adminFunctions(): Promise<AdminFunction[]> {
  const { rows } = await database.pool.query<{ name: string; parameters: [string, string][] }>(`
    SELECT proname AS name, json_agg(json_build_array(proargnames[n], format_type(proargtypes[n - 1], NULL)) ORDER BY n) AS parameters
    FROM pg_proc CROSS JOIN LATERAL generate_series(1, pronargs) AS n
    WHERE pronamespace = 'platform'::regnamespace AND proargnames[1] = 'admin' AND proname <> 'record_admin_action'
    GROUP BY oid, proname ORDER BY proname`)
  return rows
}

/** Every row of the platform, and every record, as one value each. */
async function state(): Promise<{ platform: unknown; records: number; identities: number }> {
  const { rows: tables } = await database.pool.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'platform' ORDER BY tablename`,
  )
  const digests = tables.map(
    ({ name }) => `(SELECT sum(hashtextextended(t::text, 0)) FROM platform.${name} t) AS ${name}`,
  )
  const { rows } = await database.pool.query(`SELECT ${digests.join(', ')}`)
  const { rows: counts } =
    await database.pool.query(`SELECT (SELECT count(*)::int FROM barometer_audit.event) AS records,
    (SELECT count(*)::int FROM barometer_audit.event_identity) AS identities`)
  return { platform: rows[0], ...counts[0] }
}

interface Done {
  sql: string
  admin: unknown
  rows: number
}

/** Does an action through one connection, between `before` and `after`; tells what was asked of the database. */
async function perform(action: Action, before = 'SELECT', after = 'SELECT', admin?: string): Promise<Done[]> {
  const client = await database.pool.connect()
  const done: Done[] = []
  const pool = {
    query: async (sql: string, [chosen, ...values]: unknown[] = []) => {
      const result = await client.query(sql, [admin ?? chosen, ...values])
      done.push({ sql, admin: chosen, rows: result.rowCount ?? 0 })
      return result
    },
  }
  try {
    await client.query(before)
    await action({ pool: pool as unknown as Pool, apiUrl: '', random: Math.random })
    return done
  } finally {
    await client.query(after)
    client.release()
  }
}

const calledBy = (done: readonly Done[]) => done.flatMap(({ sql }) => /platform\.(admin_\w+)\(/.exec(sql)?.[1] ?? [])

test('the simulator does everything that the platform lets admins do', async () => {
  const called = new Set<string>()
  for (const [, action] of actions) {
    for (const name of calledBy(await perform(action, 'BEGIN', 'ROLLBACK'))) called.add(name)
  }
  const functions = await adminFunctions()
  expect(functions.length).toBeGreaterThan(0)
  expect([...called].sort()).toEqual(functions.map(({ name }) => name))
  const inLife = new Set(weights.map(([action]) => action))
  expect(actions.filter(([, action]) => !inLife.has(action)).map(([name]) => name)).toEqual([])
})

describe.each(actions)('%s', (_name, action) => {
  test('leaves one record, of who did what to which', async () => {
    const before = await state()
    const [done] = await perform(action)
    const after = await state()
    expect(done?.rows, 'there was something to act on').toBe(1)
    expect(after.platform).not.toEqual(before.platform)
    expect([after.records, after.identities]).toEqual([before.records + 1, before.identities + 1])
    const { rows } = await database.pool.query(`SELECT actor_type, actor_id, actor_name, actor_email, action, target_id,
      outcome, ip, user_agent, changes FROM barometer_audit.event ORDER BY recorded_at DESC LIMIT 1`)
    const { rows: admins } = await database.pool.query('SELECT name, email FROM platform.admins WHERE id = $1', [
      done?.admin,
    ])
    expect(rows[0]).toMatchObject({
      actor_type: 'admin',
      actor_id: done?.admin,
      actor_name: admins[0].name,
      actor_email: admins[0].email,
      outcome: 'success',
      ip: '203.0.113.7',
      changes: { before: expect.anything(), after: expect.anything() },
    })
    expect(rows[0].action).toMatch(/^[a-z_]+\.[a-z_]+$/)
  })

  test('leaves nothing where it is rolled back', async () => {
    const before = await state()
    const [done] = await perform(action, 'BEGIN', 'ROLLBACK')
    expect(done?.rows).toBe(1)
    expect(await state()).toEqual(before)
  })

  test('does not happen where it cannot be recorded', async () => {
    const before = await state()
    await database.pool.query('ALTER FUNCTION barometer_audit.record RENAME TO recording')
    try {
      await expect(perform(action)).rejects.toMatchObject({ code: '42883' })
    } finally {
      await database.pool.query('ALTER FUNCTION barometer_audit.recording RENAME TO record')
    }
    expect(await state()).toEqual(before)
  })

  test('does not happen for somebody who is no admin', async () => {
    const before = await state()
    await expect(perform(action, 'SELECT', 'SELECT', 'mallory')).rejects.toThrow(/admin mallory is not known/)
    expect(await state()).toEqual(before)
  })
})

test('an action on what is not there is an error and no record', async () => {
  const before = await state()
  const values: Record<string, string> = { admin: `'ada'`, credits: '5', decision: `'approved'`, context: 'NULL' }
  const ofType: Record<string, string> = { bigint: '-1', uuid: `'00000000-0000-0000-0000-000000000000'` }
  for (const { name, parameters } of await adminFunctions()) {
    const given = parameters.map(
      ([parameter, type]) => `${parameter} => ${values[parameter] ?? ofType[type] ?? 'NULL'}`,
    )
    const call = database.pool.query(`SELECT platform.${name}(${given.join(', ')})`)
    await expect(call, name).rejects.toMatchObject({ code: 'P0002' })
  }
  const strange = database.pool.query(`SELECT platform.admin_decide_influencer_request('ada', 1, 'pending')`)
  await expect(strange).rejects.toThrow(/expected approved or rejected/)
  expect(await state()).toEqual(before)
})
