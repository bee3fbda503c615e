import { type Pool, transaction } from '../../lib/postgres.ts'

/** A service and a type of its errors. */
export interface Pair {
  service: string
  type: string
}

/** The pairs that have a series of their own. */
export async function readSeries(pool: Pool): Promise<Pair[]> {
  return (await pool.query<Pair>('SELECT service, type FROM barometer_audit.error_series')).rows
}

// Only what was asked for is counted, each by the index of its type, and no more than a day of it: a minute's new names.
const mostFrequent = `
  SELECT asked.service, asked.type
  FROM unnest($1::text[], $2::text[]) AS asked (service, type)
  CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM barometer_audit.error
    WHERE error.service = asked.service AND error.type = asked.type AND error.recorded_at > now() - interval '1 day'
      AND error.occurred_at > now() - interval '30 days'
  ) AS counted
  WHERE counted.count >= $3::integer
  ORDER BY counted.count DESC, asked.service, asked.type
  LIMIT 200`

/** Gives a series to those of the pairs that were reported often enough in the last day, while there is room. */
export async function addSeries(pool: Pool, pairs: readonly Pair[], errorsMin: number): Promise<void> {
  await transaction(pool, 'BEGIN; SET LOCAL statement_timeout = 10000', async (client) => {
    const { rows } = await client.query<Pair>(mostFrequent, [
      pairs.map((pair) => pair.service),
      pairs.map((pair) => pair.type),
      errorsMin,
    ])
    if (rows.length === 0) return
    await client.query('SELECT barometer_audit.add_error_series($1, $2)', [
      rows.map((row) => row.service),
      rows.map((row) => row.type),
    ])
  })
}
