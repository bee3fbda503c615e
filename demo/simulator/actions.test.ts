import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createPlatformDatabase } from '../../testing/platform.ts'
import { actionAt, weights } from './actions.ts'
import { seed } from './seed.ts'

test('every action can be done, and MRR still adds up', async () => {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  await seed(database.url, { now: new Date(), users: 500 })
  const api = createServer((_, response) => response.writeHead(202).end('{}')).listen(0, '127.0.0.1')
  await once(api, 'listening')
  onTestFinished(() => void api.close())
  const world = {
    pool: database.pool,
    apiUrl: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
    random: Math.random,
  }
  for (const [action] of weights) await action(world)

  const { rows } = await database.pool.query(`
    SELECT sum(value)::int AS difference FROM (
      SELECT round(CASE billing_interval WHEN 'month' THEN amount_minor WHEN 'year' THEN amount_minor / 12.0 ELSE amount_minor * 52 / 12.0 END) AS value
      FROM platform.subscriptions WHERE status IN ('active', 'past_due') AND ended_at IS NULL AND currency = 'USD'
      UNION ALL SELECT mrr_before_minor - mrr_after_minor FROM platform.subscription_events WHERE currency = 'USD'
    ) AS both_sides`)
  expect(rows).toEqual([{ difference: 0 }])
  expect(actionAt(0)).toBe(weights[0]?.[0])
  expect(actionAt(0.999)).toBe(weights.at(-1)?.[0])
})
