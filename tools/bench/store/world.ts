import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import { installPlatform } from '../../../database/platform/install.ts'
import { createClient } from '../../../lib/postgres.ts'
import { inLanes, type Work } from '../lanes.ts'

/** How many rows of each kind a world of 120 days has; a shorter one has as many a day. */
const fullCounts = {
  users: 1_000_000,
  visits: 2_000_000,
  sessions: 20_000_000,
  characters: 1_500_000,
  generations: 10_000_000,
  subscriptions: 150_000,
  payments: 600_000,
  refunds: 12_000,
  credit_entries: 5_000_000,
  bug_reports: 6_000,
  influencer_requests: 1_800,
} as const
const fullDays = 120
const minutesADay = 1_440

type Kind = keyof typeof fullCounts
type Counts = Record<Kind, number>

export interface WorldSize {
  days: number
  /** Of the full world's rows a day: 1 is all of them. */
  share: number
}

/** When every world ends: no hour, day, week or month begins in the minutes after it. */
export const worldEnds = '2026-06-17 12:05:00Z'

export const countsOf = ({ days, share }: WorldSize): Counts =>
  mapKinds((kind) => (fullCounts[kind] * share * days) / fullDays)

/** What a minute brings: the same for every length of history. At least one row of a kind, so that each is there. */
export const minuteOf = ({ share }: WorldSize): Counts =>
  mapKinds((kind) => (fullCounts[kind] * share) / fullDays / minutesADay)

function mapKinds(count: (kind: Kind) => number): Counts {
  const kinds = Object.keys(fullCounts) as Kind[]
  return Object.fromEntries(kinds.map((kind) => [kind, Math.max(1, Math.round(count(kind)))])) as Counts
}

export interface World {
  ownerUrl: string
  exporterUrl: string
  size: WorldSize
  counts: Counts
}

export interface WorldOptions {
  /** An empty database, as its owner. */
  ownerUrl: string
  exporterPassword?: string
  size: WorldSize
  say?: (line: string) => void
}

const sqlFile = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')

/** The largest first, so that two lanes end at about the same time. */
const parts = [
  'generations',
  'sessions',
  'credits',
  'visits',
  'characters',
  'users',
  'money',
  'subscriptions',
  'requests',
]

/**
 * Lays the reference platform into an empty database and fills it. Two connections work at once; indexes are made again at
 * the end, which is quicker than keeping them while rows stream in.
 */
export async function createWorld({ ownerUrl, exporterPassword, size, say = () => {} }: WorldOptions): Promise<World> {
  const { exporterUrl } = await installPlatform({
    ownerUrl,
    ...(exporterPassword === undefined ? {} : { exporterPassword }),
  })
  const counts = countsOf(size)
  const sql = partsOf(sqlFile('world.sql'))
  const lanes = await Promise.all([openLane(ownerUrl), openLane(ownerUrl)])
  try {
    const [first] = lanes
    if (first === undefined) throw new Error('there is no lane to work in')
    await first.query(sql.frame)
    await noteSize(first, size, counts)
    const indexes = await dropIndexes(first)
    await inLanes(
      lanes,
      parts.map((name) => ({ name, statement: sql.of(name) })),
      say,
    )
    await first.query(sql.of('numbers'))
    await inLanes(lanes, indexes, say)
    const tables = await first.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'platform'::regnamespace AND relkind = 'r' ORDER BY relpages DESC`,
    )
    await inLanes(
      lanes,
      tables.rows.map(({ name }) => ({ name, statement: `VACUUM (FREEZE, ANALYZE) platform.${name}` })),
    )
    await first.query('CHECKPOINT')
  } finally {
    for (const lane of lanes) await lane.end()
  }
  return { ownerUrl, exporterUrl, size, counts }
}

async function openLane(url: string): Promise<Client> {
  const client = createClient({ connectionString: url, applicationName: 'bench-world' })
  await client.connect()
  await client.query(
    `SET TimeZone = 'UTC'; SET synchronous_commit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '1GB';
     SET max_parallel_maintenance_workers = 0; SET jit = off`,
  )
  return client
}

/** The file's parts, each after a line `-- Part: name`. */
function partsOf(file: string): { frame: string; of: (name: string) => string } {
  const found = new Map(
    file
      .split(/^-- Part: /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n')
        return [part.slice(0, end), part.slice(end)]
      }),
  )
  const of = (name: string): string => {
    const part = found.get(name)
    if (part === undefined) throw new Error(`world.sql has no part ${name}`)
    return part
  }
  return { frame: of('frame'), of }
}

async function noteSize(client: Client, size: WorldSize, counts: Counts): Promise<void> {
  const usersADay = counts.users / size.days
  const names = Object.keys(counts)
  await client.query(
    `INSERT INTO bench.world (ends, span, users_a_day, ${names.join(', ')})
     VALUES ($1, make_interval(days => $2), $3, ${names.map((_, index) => `$${index + 4}`).join(', ')})`,
    [worldEnds, size.days, usersADay, ...Object.values(counts)],
  )
  const minute = minuteOf(size)
  await client.query(
    `INSERT INTO bench.minute (users_a_day, registered, characters_born, subscriptions_begun, rows_of)
     VALUES ($1, $2, $3, $4, $5)`,
    [usersADay, counts.users, counts.characters, counts.subscriptions, JSON.stringify(minute)],
  )
}

/** @returns the statements that make them again: primary keys too, which are slow to keep where they are random. */
async function dropIndexes(client: Client): Promise<Work[]> {
  const { rows } = await client.query<{ name: string; statement: string; removal: string }>(
    `SELECT c.relname AS name,
       coalesce('ALTER TABLE ' || i.indrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' '
         || pg_get_constraintdef(k.oid), pg_get_indexdef(c.oid)) AS statement,
       coalesce('ALTER TABLE ' || i.indrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(k.conname),
         'DROP INDEX ' || c.oid::regclass) AS removal
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype = 'p'
     WHERE c.relnamespace = 'platform'::regnamespace AND i.indrelid NOT IN ('platform.migration'::regclass, 'platform.admins'::regclass)
     ORDER BY i.indrelid::regclass IN ('platform.sessions', 'platform.generations') DESC, c.relname`,
  )
  for (const { removal } of rows) await client.query(removal)
  return rows
}

/** Has a minute's rows arrive, stamped within the minute before `asOf`. */
export async function playMinute(client: Pick<Client, 'query'>, asOf: string): Promise<void> {
  await client.query(
    `UPDATE bench.minute SET number = number + 1, as_of = $1, registered = (SELECT max(id) FROM platform.users)`,
    [asOf],
  )
  await client.query(sqlFile('minute.sql'))
}
