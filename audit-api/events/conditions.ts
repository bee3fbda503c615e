import type { Position } from '../http/query.ts'
import { outcomes } from './event-schema.ts'
import type { Filter } from './filter.ts'

/** Turns a value into what stands for it in the statement: a parameter's number, or an escaped literal. */
export type Bind = (value: string) => string

/** The WHERE clause of a filter. Every value goes through `bind`; nothing of the client is in the text otherwise. */
export function whereClause(filter: Filter, bind: Bind, further: readonly string[] = []): string {
  const conditions = [
    ...(filter.from === undefined ? [] : [`occurred_at >= ${bind(filter.from)}::timestamptz`]),
    ...(filter.to === undefined ? [] : [`occurred_at < ${bind(filter.to)}::timestamptz`]),
    ...anyOf('actor_id', filter.actor, bind),
    ...anyOf('action', filter.action, bind),
    ...anyOf('target_type', filter.target_type, bind),
    ...anyOf('target_id', filter.target_id, bind),
    // Every outcome is no filter.
    ...(filter.outcome.length === outcomes.length ? [] : anyOf('outcome', filter.outcome, bind)),
    ...(filter.q === undefined ? [] : [`position(lower(${bind(filter.q)}::text) IN lower(${searched})) > 0`]),
    ...further,
  ]
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
}

/**
 * What comes behind a position in a list that is newest first. The first condition follows from the second and is there for
 * the planner, which leaves out the months behind it by a comparison of the time alone and not by one of a row.
 */
export function behind(position: Position, bind: Bind): string[] {
  const time = `${bind(position.occurredAt)}::timestamptz`
  return [`occurred_at <= ${time}`, `(occurred_at, id) < (${time}, ${bind(position.id)}::uuid)`]
}

const searched = `concat_ws(' ', actor_id, actor_name, actor_email, action, target_type, target_id, target_name, metadata::text)`

/** One value is `=`, not `= ANY`: then Postgres reads the index in the order of the list and sorts nothing. */
function anyOf(column: string, values: readonly string[], bind: Bind): string[] {
  if (values.length === 0) return []
  const bound = values.map((value) => `${bind(value)}::text`)
  return [bound.length === 1 ? `${column} = ${bound[0]}` : `${column} IN (${bound.join(', ')})`]
}
