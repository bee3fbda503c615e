import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { migrateAudit } from '../../../audit-api/migrations/migrate.ts'
import { createDatabase } from '../../../testing/database.ts'
import { createAuditWorld, worldBegins, worldEnds } from './world.ts'

async function database(): Promise<{ url: string; client: pg.Client }> {
  const { url, drop } = await createDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  onTestFinished(async () => {
    await client.end()
    await drop()
  })
  return { url, client }
}

/** The indexes of one month's partition, by what they index. */
async function indexesOf(client: pg.Client): Promise<string[]> {
  await client.query("SELECT barometer_audit.ensure_month('2025-03-01Z')")
  const { rows } = await client.query<{ definition: string }>(
    `SELECT regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \\S+ ', 'INDEX ') AS definition
     FROM pg_index WHERE indrelid = 'barometer_audit.event_2025_03'::regclass ORDER BY 1`,
  )
  return rows.map(({ definition }) => definition)
}

test('a world has the rows that are stated, in two years, as skewed as a log is, with the indexes of the migration', async () => {
  const { url, client } = await database()
  await createAuditWorld({ ownerUrl: url, rows: 20_000 })
  const { rows } = await client.query(
    `SELECT count(*)::int AS events, count(DISTINCT action)::int AS actions, count(DISTINCT target_type)::int AS target_types,
       count(*) FILTER (WHERE actor_id = 'admin-0')::int AS busiest, count(DISTINCT actor_id)::int AS actors,
       bool_and(occurred_at >= $1 AND occurred_at < $2) AS within,
       count(*) FILTER (WHERE target_name LIKE '=%')::int AS formulas
     FROM barometer_audit.event`,
    [worldBegins, worldEnds],
  )
  expect(rows[0]).toMatchObject({ events: 20_000, actions: 60, target_types: 20, actors: 300, within: true })
  expect(rows[0].busiest).toBeGreaterThan(2_000)
  expect(rows[0].formulas).toBeGreaterThan(0)
  const plain = await database()
  await migrateAudit(plain.url)
  expect(await indexesOf(client)).toEqual(await indexesOf(plain.client))
})
