import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { testDirectory } from '../../testing/directory.ts'
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

test('a frozen server leaves open sessions without an answer until it goes on', async () => {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  onTestFinished(() => client.end())
  await postgres.signal('SIGSTOP')
  const answer = client.query('SELECT 1')
  const first = await Promise.race([answer.then(() => 'answered'), sleep(300, 'silent')])
  await postgres.signal('SIGCONT')
  expect(first).toBe('silent')
  expect((await answer).rowCount).toBe(1)
})

test('the superuser needs its password', async () => {
  const url = new URL(postgres.url)
  url.password = 'wrong'
  const client = new pg.Client({ connectionString: url.href })
  await expect(client.connect()).rejects.toThrow('password authentication failed')
})

test('a server starts below a folder that only its user may enter, root among them', async () => {
  const closed = mkdtempSync(join(tmpdir(), 'barometer-closed-'))
  onTestFinished(() => rmSync(closed, { recursive: true }))
  chmodSync(closed, 0o700)
  const server = await startPostgres({ directory: join(closed, 'postgres') })
  await server.stop()
  const again = await startPostgres({ directory: join(closed, 'postgres') })
  await again.stop()
})
