import { type Pool, transaction } from '../../lib/postgres.ts'
import type { ErrorRow } from './content.ts'
import type { ErrorGroups, ErrorList, StoredError } from './error-schema.ts'
import { type ErrorFilter, type Grouping, readErrorCursor, writeErrorCursor } from './filter.ts'

/** 10 s: a batch of 1,000 takes tens of milliseconds, a page less, the groups of 30 days of a busy platform seconds. */
const begin = 'BEGIN; SET LOCAL statement_timeout = 10000'
const beginRead = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 10000'

// One round trip for a batch. An error that is there already is left as it is: the answer to its first request was lost.
const insertErrors = `
  WITH stored AS (
    INSERT INTO barometer_audit.error (
      id, occurred_at, service, type, message, fingerprint, route, status, trace_id, stack)
    SELECT id, occurred_at, service, type, message, fingerprint, route, status, trace_id, stack
    FROM json_to_recordset($1::json) AS e (
      id uuid, occurred_at timestamptz, service text, type text, message text, fingerprint text, route text,
      status integer, trace_id text, stack text)
    ORDER BY occurred_at, id
    ON CONFLICT (occurred_at, id) DO NOTHING
    RETURNING service, type
  )
  SELECT service, type, count(*)::integer AS count FROM stored GROUP BY service, type`

/** How many errors of a service and type there were. */
export interface ErrorCount {
  service: string
  type: string
  count: number
}

export interface ErrorWriter {
  /** Stores all errors or none; returns after the commit, with the new ones by service and type. */
  insert(errors: readonly ErrorRow[]): Promise<ErrorCount[]>
  /** Makes the partitions of the coming days and drops those past 30 days. @returns how many were dropped */
  keepDays(): Promise<number>
}

export function createErrorWriter(pool: Pool): ErrorWriter {
  // Days known to have their partition; old ones are never asked for again, so a dropped one is not missed.
  const knownDays = new Set<string>()

  async function ensureDays(errors: readonly ErrorRow[]): Promise<void> {
    for (const day of new Set(errors.map((error) => error.occurred_at.slice(0, 10)))) {
      if (knownDays.has(day)) continue
      // Noon: the first moment of the earliest day may lie before what may still be made.
      await pool.query('SELECT barometer_audit.ensure_error_day($1)', [`${day}T12:00:00Z`])
      knownDays.add(day)
    }
  }

  return {
    insert: async (errors) => {
      await ensureDays(errors)
      return await transaction(pool, begin, async (client) => {
        const values = [JSON.stringify(errors)]
        return (await client.query<ErrorCount>({ name: 'insert-errors', text: insertErrors, values })).rows
      })
    },
    keepDays: async () => {
      await pool.query('SELECT barometer_audit.ensure_error_days_ahead()')
      const { rows } = await pool.query<{ dropped: number }>('SELECT barometer_audit.drop_old_errors() AS dropped')
      return rows[0]?.dropped ?? 0
    },
  }
}

type Bind = (value: string | number) => string

/** Text of a statement and its values; nothing of the client is in the text. */
function statement(build: (bind: Bind) => string): { text: string; values: unknown[] } {
  const values: unknown[] = []
  const text = build((value) => `$${values.push(value)}`)
  return { text, values }
}

function whereClause(filter: ErrorFilter, bind: Bind, further: readonly string[] = []): string {
  const conditions = [
    ...(filter.from === undefined ? [] : [`occurred_at >= ${bind(filter.from)}::timestamptz`]),
    ...(filter.to === undefined ? [] : [`occurred_at < ${bind(filter.to)}::timestamptz`]),
    ...(['service', 'type', 'fingerprint'] as const).flatMap((column) => anyOf(column, filter[column], bind)),
    ...further,
  ]
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
}

/** One value is `=`, not `= ANY`: then Postgres reads the index in the order of the list and sorts nothing. */
function anyOf(column: string, values: readonly string[], bind: Bind): string[] {
  if (values.length === 0) return []
  const bound = values.map((value) => `${bind(value)}::text`)
  return [bound.length === 1 ? `${column} = ${bound[0]}` : `${column} IN (${bound.join(', ')})`]
}

const iso = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
const columns = `id, ${iso('occurred_at')} AS occurred_at, ${iso('recorded_at')} AS recorded_at,
  service, type, message, fingerprint, route, status, trace_id, stack`

/**
 * One page, newest first, by the primary key or by the index of a filtered column.
 * @throws {Problem} 400 for a cursor of another filter.
 */
export async function listErrors(
  pool: Pool,
  filter: ErrorFilter,
  page: { limit: number; cursor: string | undefined },
): Promise<ErrorList> {
  const after = page.cursor === undefined ? undefined : readErrorCursor(page.cursor, filter)
  const list = statement((bind) => {
    const behind =
      after === undefined
        ? []
        : [`(occurred_at, id) < (${bind(after.occurredAt)}::timestamptz, ${bind(after.id)}::uuid)`]
    // One row more than asked for tells if there is a next page.
    return `SELECT ${columns} FROM barometer_audit.error ${whereClause(filter, bind, behind)}
      ORDER BY error.occurred_at DESC, error.id DESC LIMIT ${bind(page.limit + 1)}`
  })
  const { rows } = await transaction(pool, beginRead, (client) => client.query<StoredError>(list))
  const items = rows.slice(0, page.limit)
  const last = items.at(-1)
  const more = rows.length > page.limit && last !== undefined
  return { items, next_cursor: more ? writeErrorCursor({ occurredAt: last.occurred_at, id: last.id }, filter) : null }
}

interface GroupRow {
  service: string
  type: string
  count: number
  fingerprints: number
  first_seen: string
  last_seen: string
  groups: number
  errors: number
  example: StoredError
}

/** The groups of a range, most frequent first, each with its newest error as an example. */
export async function groupErrors(
  pool: Pool,
  filter: ErrorFilter,
  { limit, by }: { limit: number; by: Grouping },
): Promise<ErrorGroups> {
  const key = by === 'type' ? 'service, type' : 'service, type, fingerprint'
  const groups = statement(
    (bind) => `
    WITH counted AS (
      SELECT ${key}, count(*)::integer AS count, count(DISTINCT fingerprint)::integer AS fingerprints,
        min(occurred_at) AS first_at, max(occurred_at) AS last_at
      FROM barometer_audit.error ${whereClause(filter, bind)}
      GROUP BY ${key}
    ), shown AS (
      SELECT *, count(*) OVER ()::integer AS groups, sum(count) OVER ()::integer AS errors
      FROM counted ORDER BY count DESC, last_at DESC, service, type LIMIT ${bind(limit)}
    )
    SELECT service, type, count, fingerprints, ${iso('first_at')} AS first_seen, ${iso('last_at')} AS last_seen, groups,
      errors, example
    FROM shown CROSS JOIN LATERAL (
      SELECT row_to_json(newest) AS example FROM (
        SELECT ${columns} FROM barometer_audit.error
        WHERE error.occurred_at = shown.last_at AND error.service = shown.service AND error.type = shown.type
          ${by === 'type' ? '' : 'AND error.fingerprint = shown.fingerprint'}
        ORDER BY error.id DESC LIMIT 1
      ) AS newest
    ) AS examples
    ORDER BY count DESC, last_at DESC, service, type`,
  )
  const { rows } = await transaction(pool, beginRead, (client) => client.query<GroupRow>(groups))
  const items = rows.map(({ groups: _groups, errors: _errors, ...item }) => item)
  return { items, groups: rows[0]?.groups ?? 0, errors: rows[0]?.errors ?? 0 }
}
