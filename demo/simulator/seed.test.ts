import { expect, onTestFinished, test } from 'vitest'
import { createPlatformDatabase } from '../../testing/platform.ts'
import { seed } from './seed.ts'

const now = new Date('2026-03-18T15:00:00Z')

async function seeded() {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  await seed(database.url, { now, users: 2_000 })
  return database.pool
}

const digest = `SELECT
  (SELECT md5(string_agg(u::text, ',' ORDER BY id)) FROM platform.users u) AS users,
  (SELECT md5(string_agg(g::text, ',' ORDER BY id)) FROM platform.generations g) AS generations,
  (SELECT sum(credits) FROM platform.credit_ledger) AS credits`

test('the same options give the same rows', async () => {
  const [one, other] = [await seeded(), await seeded()]
  expect((await one.query(digest)).rows).toEqual((await other.query(digest)).rows)
})

test('MRR is the sum of its movements in every currency, and nothing is ahead of now', async () => {
  const pool = await seeded()
  const { rows } = await pool.query(`
    SELECT currency, sum(value) AS difference FROM (
      SELECT currency, round(CASE billing_interval WHEN 'month' THEN amount_minor WHEN 'year' THEN amount_minor / 12.0 ELSE amount_minor * 52 / 12.0 END) AS value
      FROM platform.subscriptions WHERE status IN ('active', 'past_due') AND ended_at IS NULL
      UNION ALL SELECT currency, mrr_before_minor - mrr_after_minor FROM platform.subscription_events
    ) AS both_sides GROUP BY currency ORDER BY currency`)
  expect(rows.map((row) => [row.currency, Number(row.difference)])).toEqual([
    ['EUR', 0],
    ['JPY', 0],
    ['KWD', 0],
    ['USD', 0],
  ])
  for (const [table, column] of [
    ['users', 'created_at'],
    ['sessions', 'started_at'],
    ['generations', 'finished_at'],
    ['payments', 'paid_at'],
    ['refunds', 'refunded_at'],
    ['subscription_events', 'occurred_at'],
    ['credit_ledger', 'created_at'],
  ]) {
    const { rows: ahead } = await pool.query(`SELECT count(*)::int AS n FROM platform.${table} WHERE ${column} > $1`, [
      now,
    ])
    expect(ahead, `${table}.${column}`).toEqual([{ n: 0 }])
  }
  const { rows: unmoved } = await pool.query(
    `SELECT count(*)::int AS n FROM platform.subscriptions WHERE ended_at > updated_at`,
  )
  expect(unmoved, 'updated_at moves when a subscription ends').toEqual([{ n: 0 }])
})
