import pg from 'pg'
import type { Filter } from '../filter.ts'
import { whereClause } from './conditions.ts'

/** The columns of the file, in order. */
export const exportColumns = [
  'id',
  'occurred_at',
  'recorded_at',
  'actor_type',
  'actor_id',
  'actor_name',
  'actor_email',
  'action',
  'target_type',
  'target_id',
  'target_name',
  'outcome',
  'ip',
  'user_agent',
  'request_id',
  'trace_id',
  'metadata',
  'changes',
] as const

const times: readonly string[] = ['occurred_at', 'recorded_at']
/** What we make or check ourselves can begin no formula, and JSON begins with a brace. */
const harmless: readonly string[] = ['id', 'outcome', 'actor_type', 'action', 'metadata', 'changes']

/**
 * The statement that writes the file: COPY is one snapshot, sends rows as they are found and keeps none. It takes no
 * parameters, so values are escaped by the driver's own function.
 */
export function exportStatement(filter: Filter): string {
  const cells = exportColumns.map((column) => {
    if (times.includes(column))
      return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${column}`
    return harmless.includes(column) ? column : `barometer_audit.formula_safe(${column}) AS ${column}`
  })
  return `COPY (
    SELECT ${cells.join(', ')}
    FROM barometer_audit.event ${whereClause(filter, pg.escapeLiteral)}
    ORDER BY event.occurred_at DESC, event.id DESC
  ) TO STDOUT WITH (FORMAT csv, HEADER true, ENCODING 'UTF8')`
}
