import { expect, test } from 'vitest'
import { exporterRollupDriftRows } from '../../catalogue/exporter.ts'
import { mrr } from '../../catalogue/revenue.ts'
import { filledPlatform } from '../../testing/filled-platform.ts'
import { collectors } from '../figures/index.ts'
import { familiesOf } from '../serve/families.ts'
import { reconcile } from './reconcile.ts'
import { secondsOf } from './snapshot.ts'

test('a store that is as it should be has no drift, and says so', async () => {
  const { run, refreshed, wrong } = await filledPlatform()
  await refreshed()
  const found = await reconcile(run)
  expect([...found].filter(([, drift]) => drift.rows > 0)).toEqual([])
  expect(found.size).toBeGreaterThan(20)
  const snapshot = await refreshed()
  const families = familiesOf(snapshot, {
    nowMs: secondsOf(snapshot.asOf) * 1_000,
    staleAfterMs: 60_000,
    cutOff: false,
  })
  const drift = families.find((family) => family.metric === exporterRollupDriftRows)
  expect(drift?.samples).toHaveLength(collectors.length)
  expect(await wrong()).toEqual([])
})

test.each([
  [
    'rows later than the overlap',
    `INSERT INTO platform.sessions (user_id, started_at) VALUES (3, now() - interval '9 hours'), (9, now() - interval '9 hours');
    INSERT INTO platform.payments (user_id, paid_at, kind, amount_minor, currency) VALUES (1, now() - interval '3 days', 'credits', 700, 'EUR')`,
  ],
  [
    'hard deletes',
    `DELETE FROM platform.sessions WHERE id % 7 = 0; DELETE FROM platform.generations WHERE user_id = 2;
    DELETE FROM platform.subscriptions WHERE user_id = 1; DELETE FROM platform.users WHERE id IN (4, 9)`,
  ],
  [
    'changed owners',
    `UPDATE platform.sessions SET user_id = 9 WHERE user_id = 5; UPDATE platform.generations SET user_id = 9 WHERE user_id = 6;
    UPDATE platform.credit_ledger SET user_id = 1 WHERE user_id = 2; UPDATE platform.subscriptions SET user_id = 8 WHERE user_id = 1`,
  ],
  [
    'changes that moved no updated_at',
    `UPDATE platform.users SET kind = 'bot' WHERE id = 7; UPDATE platform.generations SET status = 'failed' WHERE user_id = 3;
    UPDATE platform.users SET country = 'FR' WHERE id = 2`,
  ],
  [
    'mending by hand',
    `UPDATE barometer.rollup_users SET n = n + 3; DELETE FROM barometer.rollup_active WHERE id = 2; UPDATE barometer.rollup_sessions SET n = n + 1 WHERE grain = 2;
    DELETE FROM barometer.rollup_generations_finished; UPDATE barometer.rollup_popular SET n = 5`,
  ],
])('%s are found, counted and put right', async (_, mishap) => {
  const { database, run, refreshed, wrong } = await filledPlatform()
  await refreshed()
  await database.pool.query(mishap)
  expect((await wrong()).length).toBeGreaterThan(0)
  const found = await reconcile({ ...run, full: true })
  const drifted = [...found].filter(([, drift]) => drift.rows > 0)
  expect(drifted.length).toBeGreaterThan(0)
  for (const [, drift] of drifted) expect(drift.examples.length).toBeGreaterThan(0)
  expect(await wrong()).toEqual([])
  expect([...(await reconcile(run))].filter(([, drift]) => drift.rows > 0)).toEqual([])
})

test('another time zone or threshold builds the store anew, and its figures are right at once', async () => {
  const { settings, wrong } = await filledPlatform()
  expect(await wrong()).toEqual([])
  expect(await wrong({ ...settings, REPORTING_TIMEZONE: 'Asia/Kolkata' })).toEqual([])
  expect(await wrong({ ...settings, ACTIVITY_THRESHOLDS: { casual: 2, regular: 4, power: 9 } })).toEqual([])
})

test('a tier, a currency and a price that are new in the views are in the figures of the next refresh', async () => {
  const { database, refreshed, wrong } = await filledPlatform()
  await refreshed()
  await database.pool.query(`
    INSERT INTO platform.subscriptions (user_id, tier, status, amount_minor, currency, started_at)
      VALUES (5, 'team', 'active', 12345, 'KWD', now() - interval '1 hour');
    INSERT INTO platform.payments (user_id, paid_at, kind, amount_minor, currency)
      VALUES (5, now() - interval '1 hour', 'subscription', 12345, 'KWD');
    UPDATE platform.subscriptions SET amount_minor = 1000, updated_at = now() WHERE user_id = 1`)
  const snapshot = await refreshed()
  const families = [...snapshot.collectors.values()].flatMap((state) => state.families)
  const mrrNow = families.find(({ metric }) => metric === mrr)?.samples
  expect(mrrNow).toContainEqual(expect.objectContaining({ value: 12.345, labels: { currency: 'KWD', tier: 'team' } }))
  // Three of 9.00 and one of 10.00.
  expect(mrrNow).toContainEqual(expect.objectContaining({ value: 37, labels: { currency: 'USD', tier: 'pro' } }))
  expect(await wrong()).toEqual([])
})
