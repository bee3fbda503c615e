import { type Lease, readLease } from '../../exporter/store/lease.ts'
import { storeMigrations } from '../../exporter/store/migrate.ts'
import { newerLine, schemaVersion } from '../../lib/migrations.ts'
import type { Pool } from '../../lib/postgres.ts'
import type { Settings } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import type { ServiceReport, Status } from './report.ts'

/** 5 s: more than any answer takes that is of use, and less than what the age of a figure is told by. */
const skewMaxMs = 5_000
/** 5 min: what a logical replica is behind shows as rows that come late; a refresh sees them for two hours. */
const lagMaxSeconds = 300

type Found = [status: Status, detail: string]

/** The exporter's side of the database: rights, version, who leads, replication, and the two clocks. */
export async function checkStore(pool: Pool, settings: Settings, nowMs: () => number): Promise<ServiceReport[]> {
  const { STORE_SCHEMA: schema } = settings
  const looks: [target: string, look: () => Promise<Found>][] = [
    [schema, () => version(pool, schema)],
    ['leader', () => leader(pool, settings)],
    ['replication', () => replication(pool)],
    ['clock', () => clock(pool, nowMs)],
  ]
  const reports: ServiceReport[] = []
  for (const [target, look] of looks) {
    const [status, detail] = await look().catch((error: unknown): Found => ['broken', messageOf(error)])
    reports.push({ service: 'store', target, status, detail })
  }
  return reports
}

async function version(pool: Pool, schema: string): Promise<Found> {
  const { rows } = await pool.query<{ role: string; there: boolean; may_make: boolean; may_write: boolean }>(
    `SELECT current_user AS role, n.oid IS NOT NULL AS there,
       has_database_privilege(current_database(), 'CREATE') AS may_make,
       coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false) AS may_write
     FROM (SELECT $1::text AS name) AS wanted LEFT JOIN pg_namespace AS n ON n.nspname = wanted.name`,
    [schema],
  )
  const { role, there, may_make: mayMake, may_write: mayWrite } = rows[0] ?? {}
  if (there !== true && mayMake !== true)
    return [
      'broken',
      `no such schema, and ${role} may not make it; expected CREATE SCHEMA ${schema} AUTHORIZATION ${role}`,
    ]
  if (there !== true) return ['ok', 'not made yet: the exporter makes it when it starts']
  if (mayWrite !== true)
    return [
      'broken',
      `${role} may not write it; expected GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}, and its tables to be that role's`,
    ]
  const { unknown, missing, newest } = await schemaVersion(pool, storeMigrations(schema))
  const last = unknown.at(-1)
  if (last !== undefined) return ['broken', newerLine(schema, last, newest)]
  if (missing.length > 0) return ['ok', `the exporter will run ${missing.join(', ')} when it starts`]
  const { rows: sizes } = await pool.query<{ store: string; whole: string }>(
    `SELECT pg_size_pretty(sum(pg_total_relation_size(c.oid))) AS store, pg_size_pretty(pg_database_size(current_database())) AS whole
     FROM pg_class AS c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p')`,
    [schema],
  )
  return ['ok', `${newest}, ${sizes[0]?.store} of the database's ${sizes[0]?.whole}`]
}

/** Versions before the lease led by an advisory lock of this class and the hash of the store's schema. */
const earlierLockClass = 0x6261726f

/** Who holds the lease, and how old the newest figures are. */
async function leader(pool: Pool, settings: Settings): Promise<Found> {
  const { STORE_SCHEMA: schema, REFRESH_INTERVAL: intervalMs } = settings
  const { rows: tables } = await pool.query<{ snapshot: boolean; lease: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS snapshot, to_regclass($2) IS NOT NULL AS lease',
    [`${schema}.snapshot`, `${schema}.lease`],
  )
  if (tables[0]?.snapshot !== true) return ['off', 'no exporter has run yet']
  const { rows } = await pool.query<{ age: number | null }>(
    `SELECT extract(epoch FROM clock_timestamp() - max(as_of))::float8 AS age FROM ${schema}.snapshot`,
  )
  const age = rows[0]?.age ?? null
  const isOld = age === null || age * 1_000 > Math.max(3 * intervalMs, 180_000)
  const figures = age === null ? 'there are no figures yet' : `the newest figures are ${Math.round(age)} s old`
  const lease = tables[0].lease ? await readLease(pool, schema) : undefined
  const earlier = await earlierLeader(pool, schema)
  const who = [lease === undefined ? 'nobody has led yet' : leads(lease), ...earlier, figures].join('; ')
  const isLed = (lease !== undefined && lease.secondsLeft > 0) || (lease === undefined && earlier.length > 0)
  if (!isOld) return ['ok', who]
  if (!isLed) return ['warning', `${who}; expected an exporter to run`]
  // A first build writes no figures for a while.
  return [age === null ? 'warning' : 'broken', `${who}; the leader lives, so its log says why`]
}

function leads({ description, since, fencing, secondsLeft }: Lease): string {
  if (secondsLeft <= 0) return `nobody leads, and ${description} did last`
  return `${description} leads since ${since}, its lease ${fencing} ends in ${Math.ceil(secondsLeft)} s unless renewed`
}

/** While versions change; any role may hold such a lock, so that it says nothing for sure. */
async function earlierLeader(pool: Pool, schema: string): Promise<string[]> {
  const { rows } = await pool.query<{ pid: number }>(
    `SELECT pid FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = $1::oid
       AND objid::bigint = hashtext($2)::bigint & 4294967295
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [earlierLockClass, schema],
  )
  return rows.map(({ pid }) => `session ${pid} holds the lock by which versions before the lease lead`)
}

async function replication(pool: Pool): Promise<Found> {
  const { rows } = await pool.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')
  if (rows[0]?.standby === true)
    return [
      'broken',
      'this is a standby, which cannot be written; expected the primary, or a database fed by logical replication',
    ]
  const { rows: behind } = await pool.query<{ name: string; runs: boolean; lag: number | null }>(
    `SELECT subname AS name, pid IS NOT NULL AS runs, extract(epoch FROM clock_timestamp() - latest_end_time)::float8 AS lag
     FROM pg_stat_subscription WHERE relid IS NULL AND (pid IS NULL OR latest_end_time < clock_timestamp() - make_interval(secs => $1))
     ORDER BY subname`,
    [lagMaxSeconds],
  )
  const [first] = behind
  if (first === undefined) return ['ok', 'not behind']
  const what = first.runs
    ? `is ${Math.round(first.lag ?? 0)} s behind; expected at most ${lagMaxSeconds}`
    : 'does not run; expected it to be enabled and its publisher to answer'
  return ['warning', `the subscription ${first.name} ${what}`]
}

async function clock(pool: Pool, nowMs: () => number): Promise<Found> {
  const before = nowMs()
  const { rows } = await pool.query<{ ms: number }>('SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms')
  const after = nowMs()
  const ms = rows[0]?.ms ?? 0
  const skewMs = Math.max(before - ms, ms - after, 0)
  if (skewMs <= skewMaxMs) return ['ok', 'agrees with ours']
  const which = ms > after ? 'ahead of' : 'behind'
  return [
    'warning',
    `the database's clock is ${Math.round(skewMs / 1_000)} s ${which} ours; expected both to be kept by NTP`,
  ]
}
