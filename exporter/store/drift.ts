import type { Pool, PoolClient } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { type Fence, fenced } from './fence.ts'

/** By part, the rows that the last reconcile put right; empty before the first one. The search path has the store. */
export async function readDrift(client: Pick<PoolClient, 'query'>): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ part: string; drifted_rows: string }>(
    'SELECT part, drifted_rows FROM rollup_drift',
  )
  return new Map(rows.map((row) => [row.part, Number(row.drifted_rows)]))
}

/** 3 hours after midnight: when most platforms sleep, and after the changes of the clocks. */
const nightlyHour = 3

/**
 * Whether a night has begun, in the reporting time zone, since the store was last compared with the views. What has just
 * been built needs no comparison: the first night counts from then.
 */
export async function isReconcileDue(
  pool: Pool,
  { STORE_SCHEMA: store, REPORTING_TIMEZONE: timezone }: SettingsWith<'DATABASE_URL'>,
  fence: Fence,
): Promise<boolean> {
  const unmarked = `SELECT name, 0, now() FROM ${store}.rollup_part AS p
    WHERE ready AND NOT EXISTS (SELECT FROM ${store}.rollup_drift AS d WHERE d.part = p.name)`
  const { rows } = await pool.query<{ due: boolean; has_unmarked: boolean }>(
    `SELECT min((reconciled_at AT TIME ZONE $1 - make_interval(hours => $2))::date)
       < (now() AT TIME ZONE $1 - make_interval(hours => $2))::date AS due, EXISTS (${unmarked}) AS has_unmarked
     FROM ${store}.rollup_drift`,
    [timezone, nightlyHour],
  )
  if (rows[0]?.has_unmarked === true)
    await fenced(pool, fence, (client) =>
      client.query(
        `INSERT INTO ${store}.rollup_drift (part, drifted_rows, reconciled_at) ${unmarked} ON CONFLICT DO NOTHING`,
      ),
    )
  return rows[0]?.due === true
}
