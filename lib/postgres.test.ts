import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { createPool, type Pool, transaction } from './postgres.ts'

let database: TestDatabase
let pool: Pool
beforeAll(async () => {
  database = await createDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'barometer-test', connectionsMax: 1 })
  await pool.query('CREATE TABLE entry (n bigint)')
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const count = async (): Promise<string> => (await pool.query('SELECT count(*) FROM entry')).rows[0].count

test('a transaction is committed when its work returns and rolled back when it throws', async () => {
  const result = await transaction(pool, 'BEGIN', async (client) => {
    await client.query('INSERT INTO entry VALUES (1)')
    return 'done'
  })
  expect(result).toBe('done')
  const failing = transaction(pool, 'BEGIN', async (client) => {
    await client.query('INSERT INTO entry VALUES (2)')
    throw new Error('midway')
  })
  await expect(failing).rejects.toThrow('midway')
  expect(await count()).toBe('1')
})

test('a connection that is cut in a transaction is thrown away, and the pool goes on with another', async () => {
  const cut = transaction(pool, 'BEGIN', async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    await client.query('SELECT 1')
  })
  await expect(cut).rejects.toThrow()
  expect(await count()).toBe('1')
})

test('an idle connection that the server ends does not end the process', async () => {
  const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
  await new Promise((done) => setTimeout(done, 100))
  expect(await count()).toBe('1')
})

test('a bigint keeps every digit, and the server knows whose connection it is', async () => {
  const { rows } = await pool.query(`SELECT 9007199254740993 AS big, current_setting('application_name') AS name`)
  expect(rows[0]).toEqual({ big: '9007199254740993', name: 'barometer-test' })
})
