import http from 'node:http'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool } from '../../../lib/postgres.ts'
import { addCrowd, begin, download, type Exports } from '../../../testing/audit-api/exports.ts'
import { type AuditTestbed, openAuditTestbed } from '../../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../../testing/database.ts'
import { readExportQuery } from './export-query.ts'
import { openExport } from './export-stream.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let exports: Exports

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  await addCrowd(bed)
  const address = await bed.server.listen({ host: '127.0.0.1', port: 0 })
  exports = { address, token: bed.token({ scopes: ['export'] }) }
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it did not come about in 5 s')
}

/** What the service has of the database: its connections, and those of them that do something or hold a transaction. */
async function connections(): Promise<{ all: number; busy: number }> {
  const { rows } = await bed.owner.query(`
    SELECT count(*)::int AS all, count(*) FILTER (WHERE state <> 'idle' OR xact_start IS NOT NULL)::int AS busy
    FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'test-service'`)
  return rows[0]
}

const runningExports = async (): Promise<number> => (await connections()).busy

describe('a file that cannot be whole', () => {
  test('the database breaking off midway breaks the connection: no client takes the part for the whole', async () => {
    let killed = false
    const cut = download(exports, '', (_bytes, answer) => {
      if (killed) return
      killed = true
      answer.pause()
      bed.owner
        .query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY (%' AND datname = current_database()`,
        )
        .finally(() => answer.resume())
    })
    await expect(cut).rejects.toThrow(/aborted|hang up|reset/)
    expect(killed).toBe(true)
    expect((await download(exports, 'target_id=1')).status).toBe(200)
  })

  test('a client that goes stops the query, and one that only stops reading holds no memory', async () => {
    const memoryBefore = process.memoryUsage().arrayBuffers
    const request = http.get(`${exports.address}/v1/audit/events.csv`, {
      headers: { authorization: `Bearer ${exports.token}` },
      agent: false,
    })
    request.on('error', () => {})
    const answer = await new Promise<http.IncomingMessage>((resolve) => request.once('response', resolve))
    answer.on('error', () => {})
    answer.pause()
    await until(async () => (await runningExports()) === 1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(process.memoryUsage().arrayBuffers - memoryBefore).toBeLessThan(20_000_000)
    request.destroy()
    await until(async () => (await runningExports()) === 0)
  })

  test('more than three at once are asked to wait', async () => {
    // None of them is read, so none of them ends.
    const answers = await Promise.all(Array.from({ length: 3 }, () => begin(exports, '')))
    for (const answer of answers) answer.on('error', () => {})
    await until(async () => (await runningExports()) === 3)
    const fourth = await download(exports, '')
    expect([fourth.status, fourth.headers['retry-after']]).toEqual([503, '10'])
    for (const answer of answers) answer.destroy()
    await until(async () => (await runningExports()) === 0)
    const { body } = await bed.server.inject({ method: 'GET', url: '/metrics' })
    expect(body).toMatch(/audit_export_rows_total [1-9]\d+/)
  })

  test('a client that reads at 100 kB/s and then goes leaves no connection, transaction or statement behind', async () => {
    const before = await connections()
    const answer = await begin(exports, '')
    answer.on('error', () => {})
    let bytes = 0
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      answer.pause()
      setTimeout(() => answer.resume(), chunk.length / 100)
    })
    const started = performance.now()
    await until(async () => bytes > 100_000)
    // What one pause lets through comes on top.
    expect(bytes).toBeLessThan(1_000_000 + (performance.now() - started) * 100)
    expect((await connections()).busy).toBe(1)
    answer.destroy()
    await until(async () => (await connections()).busy === 0)
    expect((await connections()).all).toBeLessThanOrEqual(Math.max(before.all, 1))
  })

  test('a month that somebody holds is a 503 soon, and not a wait of half an hour', async () => {
    const { rows } = await bed.owner.query<{ month: string }>(
      "SELECT min(inhrelid::regclass::text) AS month FROM pg_inherits WHERE inhparent = 'barometer_audit.event'::regclass",
    )
    const holder = await bed.owner.connect()
    // Not the whole log, whose own record of the export would wait before it.
    await holder.query(`BEGIN; LOCK TABLE ${rows[0]?.month} IN ACCESS EXCLUSIVE MODE`)
    expect((await download(exports, '')).status).toBe(503)
    await holder.query('ROLLBACK')
    holder.release()
    expect((await download(exports, 'target_id=1')).status).toBe(200)
  })

  test('a client that goes while the transaction begins leaves no statement behind', async () => {
    const gone = new AbortController()
    const pool = createPool({
      connectionString: database.url,
      applicationName: 'test-service',
      connectionsMax: 1,
    })
    pool.once('acquire', (client) => {
      const query = client.query.bind(client)
      client.query = (...words: Parameters<typeof query>) => {
        gone.abort()
        return query(...words)
      }
    })
    const options = { ...readExportQuery({}), pool, log: pino({ level: 'silent' }), signal: gone.signal }
    await expect(openExport(options)).rejects.toThrow('aborted')
    await until(async () => (await connections()).busy === 0)
    expect(pool.totalCount).toBe(0)
    await pool.end()
  })

  test('a client that goes while the database still looks for a first row ends that statement', async () => {
    // Reads everything and finds nothing, and takes some seconds for it.
    const query = `q=${encodeURIComponent('no such text')}`
    await bed.owner.query(`CREATE FUNCTION barometer_audit.slow(cell text) RETURNS text LANGUAGE plpgsql STABLE AS
      $$ BEGIN PERFORM pg_sleep(0.001); RETURN cell; END $$`)
    await bed.owner.query(`ALTER TABLE barometer_audit.event ENABLE ROW LEVEL SECURITY;
      CREATE POLICY slowly ON barometer_audit.event FOR SELECT USING (barometer_audit.slow(actor_id) IS NOT NULL);
      CREATE POLICY write ON barometer_audit.event FOR INSERT WITH CHECK (true);
      GRANT EXECUTE ON FUNCTION barometer_audit.slow TO barometer_audit`)
    const request = http.get(`${exports.address}/v1/audit/events.csv?${query}`, {
      headers: { authorization: `Bearer ${exports.token}` },
      agent: false,
    })
    request.on('error', () => {})
    await until(async () => (await runningExports()) === 1)
    request.destroy()
    await until(async () => (await runningExports()) === 0)
    await bed.owner.query(`ALTER TABLE barometer_audit.event DISABLE ROW LEVEL SECURITY;
      DROP POLICY slowly ON barometer_audit.event; DROP POLICY write ON barometer_audit.event`)
    expect((await download(exports, 'target_id=1')).status).toBe(200)
  })
})
