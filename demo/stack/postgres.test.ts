import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDirectory } from '../../testing/database.ts'
import { type Postgres, startPostgres } from './postgres.ts'

let postgres: Postgres

beforeAll(async () => {
  postgres = await startPostgres({ directory: testDirectory('postgres') })
})
afterAll(() => postgres.stop())

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: postgres.url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('what was committed is there after the server was killed and started again', async () => {
  await query('CREATE TABLE kept (n int)')
  await query('INSERT INTO kept VALUES (7)')
  await postgres.signal('SIGKILL')
  await expect(query('SELECT 1')).rejects.toThrow()
  await postgres.start()
  expect(await query('SELECT n FROM kept')).toEqual([{ n: 7 }])
})
