import pg from 'pg'
import { whereClause } from '../conditions.ts'
import { eventColumns } from '../event-columns.ts'
import type { Filter } from '../filter.ts'
import type { LineWriter } from './copy-rows.ts'
import type { ExportFormat } from './export-query.ts'

/** What we make or check ourselves can begin no formula, and JSON begins with a brace. */
const harmless: readonly string[] = [
  'id',
  'occurred_at',
  'recorded_at',
  'outcome',
  'actor_type',
  'action',
  'metadata',
  'changes',
]

/** How a file of one format is made: the statement, the bytes before the first row, and a line of each row. */
export interface ExportFile {
  statement: string
  head: string
  writeLine: LineWriter
}

/**
 * COPY is one snapshot, sends rows as they are found and keeps none. It takes no parameters, so values are escaped by the
 * driver's own function. Times come as Postgres writes them in UTC and are brought into the form of RFC 3339 on the way:
 * to_char for two times a row took a third of the whole export's time in the database.
 */
export function exportFile(filter: Filter, format: ExportFormat): ExportFile {
  return format === 'csv'
    ? {
        statement: copyStatement(csvCells, filter, "FORMAT csv, ENCODING 'UTF8'"),
        head: `${eventColumns.join(',')}\r\n`,
        writeLine: writeCsvLine,
      }
    : { statement: copyStatement(jsonCell, filter, jsonOptions), head: '', writeLine: writeJsonLine }
}

/** The settings of the session that the lines are written for. */
export const exportSettings = "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'"

function copyStatement(cells: string, filter: Filter, options: string): string {
  return `COPY (
    SELECT ${cells}
    FROM barometer_audit.event ${whereClause(filter, pg.escapeLiteral)}
    ORDER BY event.occurred_at DESC, event.id DESC
  ) TO STDOUT WITH (${options})`
}

const csvCells = eventColumns
  .map((column) => (harmless.includes(column) ? column : `barometer_audit.formula_safe(${column}) AS ${column}`))
  .join(', ')

const iso = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
/** The same as an item of the list. */
const jsonCell = `json_build_object('id', id, 'occurred_at', ${iso('occurred_at')}, 'recorded_at', ${iso('recorded_at')},
      'actor', json_build_object('type', actor_type, 'id', actor_id, 'name', actor_name, 'email', actor_email),
      'action', action,
      'target', json_build_object('type', target_type, 'id', target_id, 'name', target_name),
      'outcome', outcome,
      'context', json_build_object('ip', ip, 'user_agent', user_agent, 'request_id', request_id, 'trace_id', trace_id),
      'metadata', metadata, 'changes', changes)`
/** JSON has no control character but in escapes, so with these nothing is quoted and every line is the JSON itself. */
const jsonOptions = "FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02', ENCODING 'UTF8'"

const idBytes = 36
const secondsBytes = '2026-03-01 12:00:00'.length
const zoneBytes = '+00'.length
const timeBytes = '2026-03-01T12:00:00.000000Z'.length

/** RFC 4180 ends lines with CR LF, where Postgres writes LF. */
const writeCsvLine: LineWriter = (row, out, at) => {
  const occurred = idBytes + 1
  const occurredEnd = endOfTime(row, occurred)
  const recordedEnd = endOfTime(row, occurredEnd + 1)
  let end = at + row.copy(out, at, 0, occurred)
  end = writeTime(row, occurred, occurredEnd, out, end)
  out[end] = comma
  end = writeTime(row, occurredEnd + 1, recordedEnd, out, end + 1)
  end += row.copy(out, end, recordedEnd, row.length - 1)
  out[end] = carriageReturn
  out[end + 1] = lineFeed
  return end + 2
}

const writeJsonLine: LineWriter = (row, out, at) => at + row.copy(out, at)

function endOfTime(row: Buffer, from: number): number {
  let end = from + secondsBytes
  while (row[end] !== comma) end += 1
  return end
}

/** `2026-03-01 12:00:00.5+00` as `2026-03-01T12:00:00.500000Z`. */
function writeTime(row: Buffer, from: number, to: number, out: Buffer, at: number): number {
  for (let index = 0; index < secondsBytes; index += 1) out[at + index] = row[from + index] ?? 0
  out[at + 10] = letterT
  out[at + secondsBytes] = dot
  for (let index = secondsBytes + 1; index < timeBytes - 1; index += 1) {
    out[at + index] = from + index < to - zoneBytes ? (row[from + index] ?? zero) : zero
  }
  out[at + timeBytes - 1] = letterZ
  return at + timeBytes
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const comma = 0x2c
const dot = 0x2e
const zero = 0x30
const letterT = 0x54
const letterZ = 0x5a
