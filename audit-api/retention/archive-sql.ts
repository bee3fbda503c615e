import { eventColumns } from '../events/event-columns.ts'

const iso = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${column}`

/** The columns of the file, in order: all that the hash of a row is made of, and the hash. */
export const archiveColumns = ['sequence', ...eventColumns, 'row_hash'] as const

/** Whole months before `$1`, the oldest first. Partitions are named by their month. */
export const oldMonthsSql = `
  SELECT to_date(right(c.relname, 7), 'YYYY_MM')::text AS month
  FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'barometer_audit.event'::regclass AND c.relname ~ '^event_\\d{4}_\\d\\d$'
    AND to_date(right(c.relname, 7), 'YYYY_MM') < $1::date
  ORDER BY 1`

const monthRows = (month: string) => `
  FROM barometer_audit.event
  LEFT JOIN barometer_audit.event_identity AS i ON i.id = event.id AND i.occurred_at = event.occurred_at
  LEFT JOIN barometer_audit.event_seal AS s ON s.xact = i.xact AND s.id = i.id
  WHERE event.occurred_at >= '${month}T00:00:00Z' AND event.occurred_at < timestamptz '${month}T00:00:00Z' + interval '1 month'`

/** @param month `2026-03-01`, as oldMonthsSql gives it */
export const monthFactsSql = (month: string) => `
  SELECT count(*) AS rows, count(*) FILTER (WHERE s.sequence IS NULL) AS unsealed,
    coalesce(min(s.sequence), 0) AS first_sequence, coalesce(max(s.sequence), 0) AS last_sequence
  ${monthRows(month)}`

/** As it is stored, not made safe for spreadsheets: the file is to be recomputed. In the order of the primary key. */
export const copyMonthSql = (month: string) => `COPY (
  SELECT ${archiveColumns.map(columnOf).join(', ')}
  ${monthRows(month)}
  ORDER BY event.occurred_at, event.id
) TO STDOUT WITH (FORMAT csv, HEADER true, ENCODING 'UTF8')`

function columnOf(column: string): string {
  if (column === 'sequence') return 's.sequence'
  if (column === 'row_hash') return `encode(s.row_hash, 'hex') AS row_hash`
  return column.endsWith('_at') ? iso(`event.${column}`).replace(/AS event\./, 'AS ') : `event.${column}`
}

/** The heads around the places $1 to $2: what one needs to verify the chain on either side. */
export const chainAroundSql = `
  SELECT
    (SELECT json_build_object('batch', b.number, 'sequence', b.last_sequence, 'chain_hash', encode(b.chain_hash, 'hex'))
     FROM barometer_audit.seal_batch AS b WHERE b.last_sequence < $1 ORDER BY b.last_sequence DESC, b.number DESC LIMIT 1) AS before,
    (SELECT json_build_object('batch', b.number, 'sequence', b.last_sequence, 'chain_hash', encode(b.chain_hash, 'hex'))
     FROM barometer_audit.seal_batch AS b WHERE b.last_sequence >= $2 ORDER BY b.last_sequence, b.number LIMIT 1) AS after`
