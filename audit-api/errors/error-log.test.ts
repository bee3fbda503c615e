import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuditTestbed, openAuditTestbed, sampleError } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let headers: Record<string, string>

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  headers = { authorization: `Bearer ${bed.token({ scopes: ['ingest'] })}` }
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

const dayMs = 86_400_000
const nameOf = (daysAgo: number) =>
  `error_${new Date(Date.now() - daysAgo * dayMs).toISOString().slice(0, 10).replaceAll('-', '_')}`

async function days(): Promise<string[]> {
  const { rows } = await bed.owner.query<{ name: string }>(
    `SELECT relname AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid
     WHERE inhparent = 'barometer_audit.error'::regclass ORDER BY 1`,
  )
  return rows.map((row) => row.name)
}

/** A day as it was made when it was young. */
async function makeDay(daysAgo: number): Promise<string> {
  const day = new Date(Date.now() - daysAgo * dayMs).toISOString().slice(0, 10)
  const next = new Date(Date.now() - (daysAgo - 1) * dayMs).toISOString().slice(0, 10)
  await bed.owner.query(`CREATE TABLE barometer_audit.${nameOf(daysAgo)}
    PARTITION OF barometer_audit.error FOR VALUES FROM ('${day}Z') TO ('${next}Z')`)
  return nameOf(daysAgo)
}

async function report(errors: Record<string, unknown>[]): Promise<void> {
  const answer = await bed.server.inject({ method: 'POST', url: '/v1/errors', headers, payload: errors })
  expect(answer.statusCode, answer.body).toBe(201)
}

describe("the error log's days", () => {
  test('are there a week ahead, and one that is missing is made once by many at a time', async () => {
    expect(await days()).toEqual(expect.arrayContaining([nameOf(0), nameOf(-7)]))
    const occurred_at = new Date(Date.now() - 20 * dayMs).toISOString()
    await Promise.all(Array.from({ length: 6 }, () => report([sampleError({ occurred_at })])))
    expect(await days()).toContain(nameOf(20))
    const earliest = new Date(Date.now() - 29 * dayMs + 60_000).toISOString()
    await report([sampleError({ occurred_at: earliest })])
    for (const time of ['1969-01-01', '2999-01-01', 'infinity']) {
      await expect(bed.service.query('SELECT barometer_audit.ensure_error_day($1)', [time])).rejects.toThrow(
        /occurred_at/,
      )
    }
  })

  test('that lie wholly more than 30 days back are dropped, and no other', async () => {
    const [old, older, kept] = [await makeDay(31), await makeDay(45), await makeDay(30)]
    expect(await bed.errorLog.keepDays()).toBe(2)
    const left = await days()
    for (const name of [old, older]) expect(left).not.toContain(name)
    expect(left).toEqual(expect.arrayContaining([kept, nameOf(20), nameOf(0)]))
    expect(await bed.errorLog.keepDays()).toBe(0)
  })

  test('are dropped while somebody reads only after the wait of two seconds, and then not at all', async () => {
    const old = await makeDay(40)
    const readers = await bed.owner.connect()
    await readers.query('BEGIN; SELECT count(*) FROM barometer_audit.error')
    await expect(bed.errorLog.keepDays()).rejects.toMatchObject({ code: '55P03' })
    await readers.query('COMMIT')
    readers.release()
    expect(await bed.errorLog.keepDays()).toBe(1)
    expect(await days()).not.toContain(old)
  })
})

describe("the service's role", () => {
  test('may add errors, and change or take away none, nor the days, nor the series', async () => {
    await report([sampleError()])
    for (const table of ['error', nameOf(0), 'error_series']) {
      const name = `barometer_audit.${table}`
      const column = table === 'error_series' ? 'since' : 'occurred_at'
      for (const attack of [
        `UPDATE ${name} SET ${column} = now()`,
        `DELETE FROM ${name}`,
        `TRUNCATE ${name}`,
        `DROP TABLE ${name}`,
        `ALTER TABLE ${name} DISABLE TRIGGER ALL`,
        `DROP TRIGGER append_only ON ${name}`,
      ]) {
        await expect(bed.service.query(attack), attack).rejects.toMatchObject({ code: '42501' })
        if (/UPDATE|DELETE|TRUNCATE/.test(attack)) {
          await bed.owner.query(`GRANT ALL ON ${name} TO barometer_audit`)
          await expect(bed.service.query(attack), `${attack} with the rights`).rejects.toThrow(/append-only/)
          await bed.owner.query(`REVOKE ALL ON ${name} FROM barometer_audit`)
          await bed.owner.query("SELECT barometer_audit.grant_error_log('barometer_audit')")
        }
      }
    }
  })

  test('may not write past the log, write series as it likes, or grant itself more', async () => {
    for (const statement of [
      `INSERT INTO barometer_audit.${nameOf(0)} SELECT * FROM barometer_audit.error LIMIT 1`,
      "INSERT INTO barometer_audit.error_series VALUES ('a', 'b')",
      "SELECT barometer_audit.grant_error_log('barometer_audit')",
    ]) {
      await expect(bed.service.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
  })
})

describe('the metric of errors', () => {
  const value = async (service: string, type: string) => {
    const { body } = await bed.server.inject({ method: 'GET', url: '/metrics' })
    const line = body.split('\n').find((text) => text.includes(`{service="${service}",error_type="${type}"}`))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  const total = async () => {
    const { body } = await bed.server.inject({ method: 'GET', url: '/metrics' })
    const lines = body.split('\n').filter((text) => text.startsWith('platform_errors_total{'))
    return { series: lines.length, sum: lines.reduce((sum, text) => sum + Number(text.split(' ').at(-1)), 0) }
  }
  const errors = (service: string, type: string, count: number) =>
    Array.from({ length: count }, () => sampleError({ service, type }))

  test('a type gets its series at 0 once it was reported three times, and what was counted before stays where it is', async () => {
    const before = await total()
    await report([...errors('counted', 'OftenError', 3), ...errors('counted', 'RareError', 2)])
    expect(await value('counted', 'OftenError')).toBeUndefined()
    await bed.errorLog.refreshSeries()
    expect([await value('counted', 'OftenError'), await value('counted', 'RareError')]).toEqual([0, undefined])
    expect(await value('counted', 'other')).toBe(0)
    await report([...errors('counted', 'OftenError', 4), ...errors('counted', 'RareError', 1)])
    expect([await value('counted', 'OftenError'), await value('counted', 'other')]).toEqual([4, 1])
    await bed.errorLog.refreshSeries()
    expect(await value('counted', 'RareError')).toBe(0)
    expect((await total()).sum).toBe(before.sum + 10)
  })

  test('an error that is sent again is not counted again', async () => {
    const before = (await total()).sum
    const error = sampleError({ id: randomUUID() })
    await report([error])
    await bed.server.inject({ method: 'POST', url: '/v1/errors', headers, payload: [error] })
    expect((await total()).sum).toBe(before + 1)
  })

  test('a thousand types and services are 200 series at most, the most frequent types first, and none is lost', async () => {
    const before = (await total()).sum
    const many = Array.from({ length: 70 }, (_, index) => errors('many', `Error${index}`, index < 10 ? 9 : 4)).flat()
    await report(many)
    await bed.errorLog.refreshSeries()
    for (let index = 0; index < 10; index += 1) expect(await value('many', `Error${index}`)).toBe(0)
    await report(Array.from({ length: 30 }, (_, index) => errors(`service${index}`, 'OftenError', 3)).flat())
    await bed.errorLog.refreshSeries()
    await report(many)
    const after = await total()
    expect(after.sum).toBe(before + many.length * 2 + 90)
    expect(after.series).toBeLessThanOrEqual(200)
    const { rows } = await bed.owner.query(
      'SELECT count(DISTINCT type)::int AS types, count(DISTINCT service)::int AS services FROM barometer_audit.error_series',
    )
    expect(rows).toEqual([{ types: 50, services: 19 }])
    expect(await value('many', 'other')).toBeGreaterThan(0)
    expect(await value('other', 'other')).toBeGreaterThan(0)
  })

  test('many replicas that ask at once do not take more places than there are', async () => {
    const ask = (index: number) =>
      bed.service.query('SELECT barometer_audit.add_error_series($1, $2)', [
        Array.from({ length: 20 }, () => 'many'),
        Array.from({ length: 20 }, (_, place) => `Race${index}-${place}`),
      ])
    await Promise.all([0, 1, 2, 3].map(ask))
    const { rows } = await bed.owner.query(
      'SELECT count(DISTINCT type)::int AS types FROM barometer_audit.error_series',
    )
    expect(rows).toEqual([{ types: 50 }])
  })

  test('a type that the log has no error of any more makes room', async () => {
    await bed.owner.query(`UPDATE barometer_audit.error_series SET since = now() - interval '40 days'`)
    await bed.owner.query("DELETE FROM barometer_audit.error WHERE service = 'many' AND type = 'Error0'")
    await bed.errorLog.keepDays()
    await bed.errorLog.refreshSeries()
    expect(await value('many', 'Error0')).toBeUndefined()
    expect(await value('many', 'Error1')).toBeDefined()
  })
})
