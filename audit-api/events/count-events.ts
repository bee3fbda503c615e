import { Type } from 'typebox'
import type { PoolClient } from '../../lib/postgres.ts'
import { whereClause } from './conditions.ts'
import type { Filter } from './filter.ts'
import { listLimits } from './filter-schema.ts'

/** A count as it is shown: exact to 10,000, then "10000+". */
export type BoundedCount = number | `${typeof listLimits.totalMax}+`

export const boundedCount = (counted: number): BoundedCount =>
  counted > listLimits.totalMax ? `${listLimits.totalMax}+` : counted

/** Such a count as OpenAPI shows it. */
export const boundedCountSchema = (of: string) =>
  Type.Union([Type.Integer(), Type.Literal(`${listLimits.totalMax}+`)], {
    description: `${of}: exact to ${listLimits.totalMax}, then "${listLimits.totalMax}+".`,
  })

/** How many events match, 10,001 where they are more; it reads no further than that. */
export async function countEvents(client: PoolClient, filter: Filter): Promise<number> {
  const values: unknown[] = []
  const bind = (value: unknown) => `$${values.push(value)}`
  const text = `
    SELECT count(*)::integer AS total
    FROM (SELECT FROM barometer_audit.event ${whereClause(filter, bind)} LIMIT ${listLimits.totalMax + 1}) AS counted`
  const { rows } = await client.query<{ total: number }>({ text, values })
  return rows[0]?.total ?? 0
}
