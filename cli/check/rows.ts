import type { View } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'

/** What is looked at: a view that fits the contract, and the time at which its rows come to be. */
export interface RowsOf {
  view: View
  schema: string
  columns: readonly string[]
  time: string
  /** Whether `users` fits, so that a user can be looked for there. */
  withUsers: boolean
}

/** 100 000: of the newest rows, enough to meet what still goes wrong, and read in a second or two. */
const newestMax = 100_000
/** 10 000: each of these is looked for among the users. */
const linkedMax = 10_000
/** 5 min: more than clocks of servers differ. */
const ahead = "interval '5 minutes'"
/** 1 min: updated_at is often the begin of a transaction, and another time the end of the work. */
const slack = "interval '1 minute'"
/** 1 000: among so many rows that can change, one has changed. */
const unmovedMin = 1_000
/** 10: so many ended rows are no accident. */
const endedMin = 10

interface Look {
  /** An aggregate over the newest rows: a number, or a text to be shown, null where nothing is wrong. */
  sql: string
  /** What is wrong, behind the name of the view; undefined where nothing is. */
  say(found: string, rows: number): string | undefined
}

/** What the rows themselves show to be wrong, one line each: with column, found and expected. */
export async function inspectRows(client: PoolClient, rows: RowsOf): Promise<string[]> {
  const { schema, view, time } = rows
  const looks = looksAt(rows)
  const selected = looks.map(({ sql }, place) => `(${sql})::text AS look_${place}`)
  const { rows: found } = await client.query<Record<string, string | null>>(
    `SELECT count(*)::text AS total, ${selected.join(', ')}
     FROM (SELECT * FROM ${schema}.${view} ORDER BY ${time} DESC LIMIT ${newestMax}) AS newest`,
  )
  const total = Number(found[0]?.total ?? 0)
  const lines = looks.flatMap(({ say }, place) => {
    const value = found[0]?.[`look_${place}`]
    const text = value === null || value === undefined || value === '0' ? undefined : say(value, total)
    return text === undefined ? [] : [`${schema}.${view}${text}`]
  })
  return [...lines, ...(await inspectUsers(client, rows))]
}

function looksAt({ columns, time, view }: RowsOf): Look[] {
  const has = (column: string): boolean => columns.includes(column)
  const [id = ''] = columns
  return [
    repeated(id),
    ...[time, 'updated_at']
      .filter((column, place, all) => has(column) && all.indexOf(column) === place)
      .map(inTheFuture),
    beforeAnybody(time),
    ...(has('updated_at') ? unmoved(view, columns, time) : []),
    ...['currency', 'country'].filter(has).map(code),
    ...(has('credits') ? [tooSmall('credits', 1)] : []),
    ...['amount_minor', 'image_count', 'mrr_before_minor', 'mrr_after_minor']
      .filter(has)
      .map((column) => tooSmall(column, 0)),
  ]
}

/** A join that finds two rows for one makes two of it. */
function repeated(id: string): Look {
  return {
    sql: `count(*) - count(DISTINCT ${id})`,
    say: (found) =>
      `.${id}: ${found} of the newest rows have an id that another has; expected one row for each id (a join that finds several?)`,
  }
}

function inTheFuture(column: string): Look {
  return {
    sql: `CASE WHEN max(${column}) > now() + ${ahead} THEN to_char(max(${column}) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC, ' ||
      round(extract(epoch FROM max(${column}) - now()) / 60) || ' min ahead of the database''s clock' END`,
    say: (found) =>
      `.${column}: the newest is ${found}; expected the past (a time that is not UTC, or a clock that is wrong?)`,
  }
}

function beforeAnybody(column: string): Look {
  return {
    sql: `CASE WHEN max(${column}) < '2000-01-01' THEN to_char(max(${column}) AT TIME ZONE 'UTC', 'YYYY-MM-DD') END`,
    say: (found) =>
      `.${column}: the newest is ${found}; expected a time of this age (milliseconds taken for seconds, or the other way?)`,
  }
}

/** Signs that updated_at stays where it is while the row changes: what changed is then seen at night alone. */
function unmoved(view: View, columns: readonly string[], time: string): Look[] {
  const behind = (column: string): Look => ({
    sql: `count(*) FILTER (WHERE updated_at < ${column} - ${slack})`,
    say: (found) =>
      `.updated_at: ${found} of the newest rows have it before ${column}; expected that it moves with every change`,
  })
  // What may be dated ahead proves something only where it is always so.
  const neverBy = (column: string): Look => ({
    sql: `CASE WHEN count(*) FILTER (WHERE ${column} <= now()) >= ${endedMin}
        AND bool_and(updated_at < ${column} - ${slack}) FILTER (WHERE ${column} <= now())
      THEN count(*) FILTER (WHERE ${column} <= now()) END`,
    say: (found) =>
      `.updated_at: it is before ${column} in all ${found} rows that have one; expected that it moves with every change`,
  })
  const never: Look = {
    sql: `CASE WHEN count(*) >= ${unmovedMin} AND bool_and(updated_at = ${time}) THEN count(*) END`,
    say: (found) =>
      `.updated_at: it is ${time} in all of the newest ${found} rows; expected that it moves with every change`,
  }
  return [
    behind(time),
    ...['started_at', 'finished_at'].filter((column) => view === 'generations' && columns.includes(column)).map(behind),
    ...['deleted_at', 'ended_at'].filter((column) => columns.includes(column)).map(neverBy),
    never,
  ]
}

function code(column: string): Look {
  const pattern = column === 'currency' ? '^[A-Z]{3}$' : '^[A-Z]{2}$'
  return {
    sql: `min(${column}::text) FILTER (WHERE ${column}::text !~ '${pattern}')`,
    say: (found) =>
      `.${column} has ${JSON.stringify(found)}; expected ${column === 'currency' ? 'ISO 4217 (USD)' : 'ISO 3166 (US)'} in capitals`,
  }
}

function tooSmall(column: string, least: number): Look {
  return {
    sql: `min(${column}) FILTER (WHERE ${column} < ${least})`,
    say: (found) => `.${column} has ${found}; expected ${least === 1 ? 'above 0' : 'not below 0'}`,
  }
}

/** Ids of something else than users join with nobody, and every figure is 0. */
async function inspectUsers(client: PoolClient, { view, schema, columns, time, withUsers }: RowsOf): Promise<string[]> {
  if (!withUsers || view === 'users' || !columns.includes('user_id')) return []
  const { rows } = await client.query<{ total: string; strangers: string }>(
    `SELECT count(*) AS total, count(*) FILTER (WHERE u.user_id IS NULL) AS strangers
     FROM (SELECT user_id FROM ${schema}.${view} ORDER BY ${time} DESC LIMIT ${linkedMax}) AS newest
     LEFT JOIN ${schema}.users AS u ON u.user_id = newest.user_id`,
  )
  const { total = '0', strangers = '0' } = rows[0] ?? {}
  // Users whose rows went are no fault; most are not gone.
  if (Number(strangers) * 2 <= Number(total)) return []
  return [
    `${schema}.${view}.user_id: ${strangers} of the newest ${total} rows name nobody in users; expected users.user_id`,
  ]
}
