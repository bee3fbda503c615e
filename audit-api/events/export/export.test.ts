import { spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addCrowd, download, type Exports } from '../../../testing/audit-api/exports.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../../../testing/audit-api/testbed.ts'
import { createDatabase, testDirectory } from '../../../testing/database.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let token: string
let exports: Exports

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
  'שלום, "עולם"\u200f',
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
  await addCrowd(bed)
  exports = { address: await bed.server.listen({ host: '127.0.0.1', port: 0 }), token }
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

describe('the file', () => {
  test('read back by Postgres it equals the table, but for the apostrophe before formulas', async () => {
    const { status, headers, body, trailers } = await download(exports, 'actor=__all')
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
    const { body } = await download(exports, 'action=user.suspend')
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
    const { headers, trailers } = await download(exports, query)
    expect(trailers['x-row-count']).toBe('59')
    expect(headers['content-disposition']).toBe(
      'attachment; filename="audit-events_20251001T000000Z_20251001T010000Z.csv"',
    )
    const attack = await download(exports, `actor=${encodeURIComponent("x' OR true --\\")}`)
    expect(attack.trailers['x-row-count']).toBe('0')
  })

  test('several values may stand in braces, as Grafana writes them into a link; the id of a target is a text', async () => {
    const rows = async (query: Record<string, string>) =>
      (await download(exports, String(new URLSearchParams(query)))).trailers['x-row-count']
    expect(await rows({ actor: "{+1,'quoted'}" })).toBe('2')
    expect(await rows({ actor: '{+1}', outcome: '{success}', action: '__all' })).toBe('1')
    expect([await rows({ target_id: 'user-1' }), await rows({ target_id: '{user-1}' })]).toEqual(['1', '0'])
  })

  test('a bad parameter is a problem and no file', async () => {
    for (const query of ['limit=5', 'cursor=x', 'outcome=maybe', 'from=x', 'format=xlsx']) {
      const { status, headers } = await download(exports, query)
      expect([status, headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8'])
    }
  })

  test('every export is an event itself, with who and what', async () => {
    const target = randomUUID()
    await download(exports, `target_id=${target}`)
    const { rows } = await bed.owner.query(
      `SELECT actor_type, outcome, metadata FROM barometer_audit.event
       WHERE action = 'audit.export' AND metadata #>> '{filter,target_id,0}' = $1`,
      [target],
    )
    expect(rows).toEqual([{ actor_type: 'api_key', outcome: 'success', metadata: { filter: { target_id: [target] } } }])
  })
})

/** What a program that reads the file must find in its cells. */
async function expectedRows(): Promise<string[][]> {
  const { rows } = await bed.owner.query<Record<string, string | null>>(
    `SELECT id, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred_at,
       actor_id, actor_name, target_name, user_agent, metadata ->> 'text' AS text
     FROM barometer_audit.event WHERE action = 'user.suspend' ORDER BY event.occurred_at DESC, event.id DESC`,
  )
  const safe = (text: string | null | undefined) => (text ?? '').replace(/^(?=[-=+@\t\r\n＝＋－＠])/, "'")
  return rows.map((row) => [
    ...[row.id ?? '', row.occurred_at ?? ''],
    ...[safe(row.actor_id), safe(row.actor_name), safe(row.target_name), safe(row.user_agent), row.text ?? ''],
  ])
}

describe('other programs', () => {
  const hasPython = spawnSync('python3', ['--version']).status === 0
  const hasOffice = spawnSync('soffice', ['--version']).status === 0

  test.skipIf(!hasPython)("Python's csv reads the same rows (skipped where there is no python3)", async () => {
    const { body } = await download(exports, 'action=user.suspend')
    const script = `
import csv, io, json, sys
text = io.TextIOWrapper(sys.stdin.buffer, encoding='utf-8', newline='')
print(json.dumps([[row['id'], row['occurred_at'], row['actor_id'], row['actor_name'], row['target_name'], row['user_agent'],
  json.loads(row['metadata'])['text']] for row in csv.DictReader(text, strict=True)]))`
    const python = spawnSync('python3', ['-c', script], { input: body, encoding: 'utf8' })
    expect(python.stderr).toBe('')
    const rows: string[][] = JSON.parse(python.stdout)
    expect(rows).toHaveLength(hard.length)
    expect(rows).toEqual(await expectedRows())
  })

  test.skipIf(!hasOffice)(
    'LibreOffice takes no cell for a formula (skipped where there is no soffice)',
    async () => {
      const { body } = await download(exports, 'action=user.suspend')
      const formulas = (name: string, content: Buffer | string) => {
        const directory = testDirectory(`office-${name}`)
        writeFileSync(join(directory, `${name}.csv`), content)
        const office = spawnSync(
          'soffice',
          [
            ...[
              '--headless',
              `-env:UserInstallation=file://${directory}/profile`,
              '--infilter=CSV:44,34,76,1,,0,false,true,false,false,false,-1',
            ],
            ...['--convert-to', 'fods', '--outdir', directory, join(directory, `${name}.csv`)],
          ],
          { encoding: 'utf8' },
        )
        expect(office.status, office.stderr).toBe(0)
        const sheet = readFileSync(join(directory, `${name}.fods`), 'utf8')
        return { sheet, count: sheet.split('table:formula=').length - 1 }
      }
      // The same cell as it would be without the apostrophe is one, or the test would see none anywhere.
      expect(formulas('unsafe', 'a,b\r\n=1+1,x\r\n').count).toBe(1)
      const { sheet, count } = formulas('export', body)
      expect(count).toBe(0)
      expect(sheet).toContain('=1+1')
      // Two starts of an office suite, which on two busy cores took 20 s.
    },
    120_000,
  )
})

describe('one event a line', () => {
  test('is what the list gives, under its own type and name', async () => {
    const headers = { authorization: `Bearer ${bed.token({ scopes: ['read'] })}` }
    const list = await bed.server.inject({ url: '/v1/audit/events?action=user.suspend&limit=500', headers })
    const file = await download(
      exports,
      'action=user.suspend&format=ndjson&from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z',
    )
    expect(file.headers['content-type']).toBe('application/x-ndjson; charset=utf-8')
    expect(file.headers['content-disposition']).toBe(
      'attachment; filename="audit-events_20260301T000000Z_20260401T000000Z.ndjson"',
    )
    const text = file.body.toString('utf8')
    expect(text.endsWith('\n')).toBe(true)
    const lines: unknown[] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toEqual(list.json().items)
    expect(file.trailers['x-row-count']).toBe(String(hard.length))
    expect(file.trailers['x-content-sha256']).toBe(createHash('sha256').update(file.body).digest('hex'))
  })

  test('of nothing is an empty file, and whole', async () => {
    const { status, body, trailers } = await download(exports, 'format=ndjson&target_id=nobody')
    expect([status, body.length, trailers['x-row-count']]).toEqual([200, 0, '0'])
    const csv = await download(exports, 'target_id=nobody')
    expect([csv.body.toString().split('\r\n').length, csv.trailers['x-row-count']]).toEqual([2, '0'])
  })
})
