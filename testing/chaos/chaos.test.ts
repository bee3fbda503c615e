import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { takeRunDirectory } from '../../demo/launcher/run-directory.ts'
import { testDirectory } from '../directory.ts'
import { ask } from './cluster.ts'
import { type Fault, faults } from './faults.ts'
import { drawn, randomFrom } from './random.ts'
import { type ChaosResult, held, runChaos } from './run.ts'
import { slopeAnHour } from './soak.ts'
import { writerAction } from './writer.ts'

/** What no fault does, and the checks must see: a figure that is wrong from now on, an event that is gone, a false page. */
const sabotage: Fault = {
  name: 'sabotage',
  mayPage: [],
  run: async (world) => {
    await ask(world.ownerUrl(), 'DELETE FROM platform.sessions WHERE id = (SELECT min(id) FROM platform.sessions)')
    await ask(
      world.ownerUrl(),
      `DO $$ BEGIN
         SET LOCAL session_replication_role = replica;
         DELETE FROM barometer_audit.event WHERE id = (
           SELECT id FROM barometer_audit.event JOIN barometer_audit.event_seal USING (id)
           WHERE action = '${writerAction}' ORDER BY recorded_at LIMIT 1);
       END $$`,
    )
    const labels = { alertname: 'MrrDoesNotAddUp', severity: 'critical', environment: 'demo', component: 'revenue' }
    const alert = { labels, annotations: { summary: 'made up' }, generatorURL: 'http://127.0.0.1/made-up' }
    const answer = await fetch(`${world.alertmanager.url}/api/v2/alerts`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify([alert]),
    })
    await answer.body?.cancel()
    // Alertmanager gathers for 5 s before it pages.
    await sleep(6_000)
  },
}

test('five faults of a fixed seed leave every figure exact and every acknowledged event stored; sabotage is seen', async () => {
  const directory = takeRunDirectory({ keep: false, path: join(testDirectory('chaos'), 'run') })
  const said: string[] = []
  const platform = { directory, users: 150, days: 20, seconds: [0.5, 1] as const, baselineSeconds: 1 }
  const result: ChaosResult = await runChaos({
    ...{ ...platform, seed: 151_257, faultCount: 5, last: sabotage, say: (line) => void said.push(line) },
  })
  const sabotaged = result.results.at(-1)
  expect(held({ ...result, results: result.results.slice(0, 5) }), said.join('\n')).toBe(true)
  expect(result.results.filter(({ skipped }) => skipped === undefined).length).toBeGreaterThanOrEqual(4)
  expect(result.results[0]?.series).toBeGreaterThan(1_000)
  expect(result.results[0]?.events).toBeGreaterThan(20)
  expect(sabotaged?.problems.join('\n')).toMatch(/platform_sessions\{.*\} is \d+; expected \d+/)
  expect(sabotaged?.problems.join('\n')).toMatch(/1 of \d+ acknowledged audit events are lost/)
  expect(sabotaged?.problems.join('\n')).toContain('the chain does not hold')
  expect(sabotaged?.problems).toContain('MrrDoesNotAddUp pages, which no fault justifies')
}, 240_000)

test('a seed gives the same order again, and each fault comes once before any comes twice', () => {
  const order = (seed: number) => drawn(faults, faults.length + 5, randomFrom(seed)).map(({ name }) => name)
  expect(order(7)).toEqual(order(7))
  expect(order(7)).not.toEqual(order(8))
  expect(new Set(order(7).slice(0, faults.length)).size).toBe(faults.length)
  expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length)
})

test('a slope is that of the line', () => {
  const points = [1, 2, 3, 4].map((minute) => ({ minute, megabytes: 100 + minute / 2 }))
  expect(slopeAnHour(points, ({ megabytes }) => megabytes)).toBeCloseTo(30)
  expect(slopeAnHour(points, () => 5)).toBe(0)
})
