import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import { migrateAudit } from '../../../audit-api/migrations/migrate.ts'
import { createClient } from '../../../lib/postgres.ts'
import { inLanes, type Work } from '../lanes.ts'

/** When the two years begin, and the month behind the last one. */
export const worldBegins = '2024-09-01T00:00:00Z'
export const worldEnds = '2026-09-01T00:00:00Z'

export interface AuditWorldOptions {
  /** An empty database, as its owner. */
  ownerUrl: string
  rows: number
  say?: (line: string) => void
}

/**
 * Lays the audit log into an empty database and fills it with two years. Two connections work at once; indexes are made
 * again at the end, which is quicker than keeping them while rows stream in. Identities are not made: nothing that reads
 * the log reads them.
 */
export async function createAuditWorld({ ownerUrl, rows, say = () => {} }: AuditWorldOptions): Promise<void> {
  await migrateAudit(ownerUrl)
  const sql = partsOf(readFileSync(join(import.meta.dirname, 'world.sql'), 'utf8'))
  const lanes = await Promise.all([openLane(ownerUrl), openLane(ownerUrl)])
  try {
    const [first] = lanes
    if (first === undefined) throw new Error('there is no lane to work in')
    await first.query(sql.get('frame') ?? '')
    await first.query(sql.get('months') ?? '', [rows, worldBegins])
    const months = await monthsOf(first)
    for (const month of months) await first.query('SELECT barometer_audit.ensure_month($1)', [month])
    const indexes = await dropIndexes(first)
    const fill = (month: string): Work => ({
      name: `events of ${month.slice(0, 7)}`,
      statement: (sql.get('rows') ?? '').replaceAll('$1', `timestamptz '${month}'`),
    })
    await inLanes(lanes, [...months].reverse().map(fill), say)
    // On the partitions as well, one statement each: two at once on one table would wait for one another.
    for (const statement of indexes) await first.query(statement)
    say('the indexes are made')
    await inLanes(
      lanes,
      months.map((month) => {
        const table = `barometer_audit.event_${month.slice(0, 7).replace('-', '_')}`
        return { name: table, statement: `VACUUM (FREEZE, ANALYZE) ${table}` }
      }),
    )
    await first.query('ANALYZE barometer_audit.event; CHECKPOINT')
  } finally {
    for (const lane of lanes) await lane.end()
  }
}

async function openLane(url: string): Promise<Client> {
  const client = createClient({ connectionString: url, applicationName: 'bench-world' })
  await client.connect()
  await client.query(
    `SET TimeZone = 'UTC'; SET synchronous_commit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'; SET jit = off`,
  )
  return client
}

async function monthsOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ first: Date }>('SELECT first FROM bench.month ORDER BY first')
  return rows.map(({ first }) => first.toISOString())
}

/** @returns the statements that make them again, on every partition. */
async function dropIndexes(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ statement: string; removal: string }>(
    `SELECT
       coalesce('ALTER TABLE ' || i.indrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' '
         || pg_get_constraintdef(k.oid), replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON ')) AS statement,
       coalesce('ALTER TABLE ' || i.indrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(k.conname),
         'DROP INDEX ' || c.oid::regclass) AS removal
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype = 'p'
     WHERE i.indrelid = 'barometer_audit.event'::regclass
     ORDER BY k.oid IS NULL, c.relname`,
  )
  for (const { removal } of rows) await client.query(removal)
  return rows.map(({ statement }) => statement)
}

/** The file's parts, each after a line `-- Part: name`. */
function partsOf(file: string): Map<string, string> {
  const parts = file.split(/^-- Part: /m).slice(1)
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n'))]))
}
