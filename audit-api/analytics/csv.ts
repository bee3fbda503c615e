import { stringify } from 'csv-stringify/sync'
import type { Row } from './report.ts'

/** What a spreadsheet would take for a formula, the full-width forms among it. */
const formula = /^[=+\-@\t\r\n\0＝＋－＠]/

/** Rows as RFC 4180: CR LF, a header, an apostrophe before text that begins like a formula; null is empty. */
export function toCsv(columns: readonly string[], rows: readonly Row[]): string {
  return stringify(
    rows.map((row) => columns.map((name) => cell(row[name]))),
    { header: true, columns: [...columns], record_delimiter: '\r\n' },
  )
}

function cell(value: Row[string] | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  return formula.test(value) ? `'${value}` : value
}
