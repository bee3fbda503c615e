import { type Pool, transaction } from '../../../lib/postgres.ts'
import type { Asked, Bucket } from './store.ts'

const iso = (instant: string) => `to_char(${instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
// The first instant of a local day, also where midnight comes twice or never.
const start = (day: string) =>
  `least((${day})::timestamp AT TIME ZONE $2, ((${day})::timestamp - interval '1 hour') AT TIME ZONE $2 + interval '1 hour')`
const bucketOf = (instant: string) => `date_trunc($1, ${instant} AT TIME ZONE $2)`

const statement = `
  SELECT day::date::text AS period, ${iso(`greatest(${start('day')}, since)`)} AS from,
    ${iso(`least(${start(`day + ('1 ' || $1)::interval`)}, until)`)} AS to,
    ${start('day')} >= since AND ${start(`day + ('1 ' || $1)::interval`)} <= until AS complete
  FROM (
    SELECT least($4::timestamptz, $5::timestamptz) AS until, coalesce($3::timestamptz, ${start(
      `${bucketOf('least($4::timestamptz, $5::timestamptz)')} - CASE $1 WHEN 'day' THEN 29 ELSE 11 END * ('1 ' || $1)::interval`,
    )}) AS since
  ) AS asked
  CROSS JOIN LATERAL (
    SELECT day FROM generate_series(${bucketOf('since')}, (until - interval '1 microsecond') AT TIME ZONE $2, ('1 ' || $1)::interval) AS day
    LIMIT 1201
  ) AS days
  ORDER BY day`

/** Days, weeks and months of a zone, for what is not read from the store; up to `now`. */
export async function calendar(
  pool: Pool,
  timezone: string,
  { period, from, to }: Asked,
  now: Date,
): Promise<Bucket[]> {
  const values = [period, timezone, from ?? null, to ?? null, now.toISOString()]
  return await transaction(pool, 'BEGIN READ ONLY; SET LOCAL statement_timeout = 3000', async (client) => {
    const { rows } = await client.query<Bucket>(statement, values)
    return rows
  })
}
