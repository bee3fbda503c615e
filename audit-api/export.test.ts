import { createHash, randomUUID } from 'node:crypto'
import http from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase } from '../testing/database.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from './testing.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let token: string
let address: string

const hard = [
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  '\n=1',
  '＝1',
  '＋1',
  '－1',
  '＠1',
  'a,"b"\r\nc\nd',
  "'quoted'",
  'ü🎉漢字',
  '\\.',
  ' ',
]

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  token = bed.token({ scopes: ['export', 'ingest'] })
  const events = hard.map((text) =>
    sampleEvent({ actor: { type: 'admin', id: text, name: text }, metadata: { text }, context: { user_agent: text } }),
  )
  const headers = { authorization: `Bearer ${token}` }
  const answer = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload: events })
  expect(answer.statusCode, answer.body).toBe(201)
  await bed.owner.query(
    `SELECT barometer_audit.ensure_month(timestamptz '2025-10-01Z' + n * interval '1 month') FROM generate_series(0, 2) AS n`,
  )
  await bed.owner.query(`INSERT INTO barometer_audit.event (id, occurred_at, actor_type, actor_id, actor_name, action,
      target_type, target_id, outcome, metadata)
    SELECT gen_random_uuid(), timestamptz '2025-10-01Z' + n * interval '1 minute', 'system', 'crowd', 'Crowd',
      'crowd.come', 'place', n::text, 'success', jsonb_build_object('filler', repeat('x', 200))
    FROM generate_series(1, 100000) AS n`)
  address = await bed.server.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

interface Download {
  status: number | undefined
  headers: http.IncomingHttpHeaders
  body: Buffer
  trailers: NodeJS.Dict<string>
}

/** Node's own client, since fetch hides trailers. Rejects where the answer is cut. */
async function download(
  query: string,
  onChunk?: (bytes: number, answer: http.IncomingMessage) => void,
): Promise<Download> {
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http
      .get(
        `${address}/v1/audit/events.csv?${query}`,
        { headers: { authorization: `Bearer ${token}` }, agent: false },
        resolve,
      )
      .on('error', reject)
  })
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer) {
    chunks.push(chunk)
    bytes += chunk.length
    onChunk?.(bytes, answer)
  }
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks), trailers: answer.trailers }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it did not come about in 5 s')
}

async function runningExports(): Promise<number> {
  const { rows } = await bed.owner.query(`SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'COPY (%' AND state = 'active' AND backend_type = 'client backend'`)
  return rows[0].count
}

describe('the file', () => {
  test('read back by Postgres it equals the table, but for the apostrophe before formulas', async () => {
    const { status, headers, body, trailers } = await download('actor=__all')
    expect(status).toBe(200)
    expect(headers['content-type']).toContain('text/csv; charset=utf-8')
    const client = await bed.owner.connect()
    await client.query('CREATE TEMPORARY TABLE back AS SELECT * FROM barometer_audit.event LIMIT 0')
    await client.query("SET client_encoding TO 'UTF8'")
    const columns = body.subarray(0, body.indexOf('\r\n')).toString()
    await pipeline(
      Readable.from([body]),
      client.query(copyFrom(`COPY back (${columns}) FROM STDIN WITH (FORMAT csv, HEADER true)`)),
    )
    await client.query(`UPDATE back SET
      (actor_id, actor_name, user_agent) = (SELECT regexp_replace(actor_id, f, '\\1'), regexp_replace(actor_name, f, '\\1'),
        regexp_replace(user_agent, f, '\\1') FROM (VALUES ('^''([-=+@\\t\\r\\n＝＋－＠])')) AS formula (f))`)
    const differences = await client.query(
      '(TABLE back EXCEPT ALL TABLE barometer_audit.event) UNION ALL (TABLE barometer_audit.event EXCEPT ALL TABLE back)',
    )
    expect(differences.rows).toEqual([])
    const all = await client.query('SELECT count(*)::int AS count FROM back')
    client.release(true)
    expect(trailers['x-row-count']).toBe(String(all.rows[0].count))
    expect(trailers['x-content-sha256']).toBe(createHash('sha256').update(body).digest('hex'))
  })

  test('no cell begins a formula, lines end as RFC 4180 says, and times are ISO in UTC', async () => {
    const { body } = await download('action=user.suspend')
    const text = body.toString('utf8')
    const cells = [...text.matchAll(/(?:^|,|\r\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    )
    expect(cells.filter((cell) => /^[-=+@\t\r\n＝＋－＠]/.test(cell))).toEqual([])
    expect(cells.filter((cell) => cell.startsWith("'=1+1"))).toHaveLength(3)
    expect(text.replace(/"(?:[^"]|"")*"/g, '').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(text).toMatch(/,2026-03-01T00:\d\d:\d\d\.000000Z,/)
    expect(text.endsWith('\r\n')).toBe(true)
  })

  test('the filter is that of the list, and the name tells the range', async () => {
    const query = 'from=2025-10-01T00:00:00Z&to=2025-10-01T01:00:00Z&actor=crowd'
    const { headers, trailers } = await download(query)
    expect(trailers['x-row-count']).toBe('59')
    expect(headers['content-disposition']).toBe(
      'attachment; filename="audit-events_20251001T000000Z_20251001T010000Z.csv"',
    )
    const attack = await download(`actor=${encodeURIComponent("x' OR true --\\")}`)
    expect(attack.trailers['x-row-count']).toBe('0')
  })

  test('a bad parameter is a problem and no file', async () => {
    for (const query of ['limit=5', 'cursor=x', 'outcome=maybe', 'from=x']) {
      const { status, headers } = await download(query)
      expect([status, headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8'])
    }
  })

  test('every export is an event itself, with who and what', async () => {
    const target = randomUUID()
    await download(`target_id=${target}`)
    const { rows } = await bed.owner.query(
      `SELECT actor_type, outcome, metadata FROM barometer_audit.event
       WHERE action = 'audit.export' AND metadata #>> '{filter,target_id,0}' = $1`,
      [target],
    )
    expect(rows).toEqual([{ actor_type: 'api_key', outcome: 'success', metadata: { filter: { target_id: [target] } } }])
  })
})

describe('a file that cannot be whole', () => {
  test('the database breaking off midway breaks the connection: no client takes the part for the whole', async () => {
    let killed = false
    const cut = download('', (_bytes, answer) => {
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
    expect((await download('target_id=1')).status).toBe(200)
  })

  test('a client that goes stops the query, and one that only stops reading holds no memory', async () => {
    const memoryBefore = process.memoryUsage().arrayBuffers
    const request = http.get(`${address}/v1/audit/events.csv`, {
      headers: { authorization: `Bearer ${token}` },
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
    const requests = Array.from({ length: 3 }, () =>
      http.get(`${address}/v1/audit/events.csv`, { headers: { authorization: `Bearer ${token}` }, agent: false }),
    )
    for (const request of requests) request.on('error', () => {})
    await until(async () => (await runningExports()) === 3)
    const fourth = await download('')
    expect([fourth.status, fourth.headers['retry-after']]).toEqual([503, '10'])
    for (const request of requests) request.destroy()
    await until(async () => (await runningExports()) === 0)
    const { body } = await bed.server.inject({ method: 'GET', url: '/metrics' })
    expect(body).toMatch(/audit_export_rows_total [1-9]\d+/)
  })
})
