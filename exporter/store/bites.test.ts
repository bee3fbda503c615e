import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { exporterBacklogRows } from '../../catalogue/exporter.ts'
import { filledPlatform } from '../../testing/filled-platform.ts'
import { catchUp, type RefreshOptions, refresh } from '../refresh/refresh.ts'
import { familiesOf } from '../serve/families.ts'
import type { Bite } from './advance.ts'
import { type Snapshot, secondsOf } from './snapshot.ts'

/** So little that nearly everything has to wait, and no time at all. */
const crumb: Bite = { changes: 3, entities: 2, few: 1, ms: 0 }

type Filled = Awaited<ReturnType<typeof filledPlatform>>

const optionsOf = ({ run }: Filled, bite: Bite): RefreshOptions => ({
  ...{ ...run, bite, replicaId: 'test' },
  monotonicSeconds: () => performance.now() / 1_000,
})

/** By state, the version of each of its rows as Postgres counts them. */
async function rowVersions({ database }: Filled, states: readonly string[]): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for (const state of states) {
    const { rows } = await database.pool.query<{ row: string }>(
      `SELECT id || ' ' || xmin AS row FROM barometer.rollup_${state} ORDER BY id`,
    )
    found[state] = rows.map(({ row }) => row)
  }
  return found
}

const backlogShown = (snapshot: Snapshot): Record<string, number> => {
  const families = familiesOf(snapshot, {
    ...{ nowMs: secondsOf(snapshot.asOf) * 1_000, staleAfterMs: 60_000, cutOff: false },
  })
  const samples = families.find(({ metric }) => metric === exporterBacklogRows)?.samples ?? []
  return Object.fromEntries(samples.flatMap((one) => ('value' in one ? [[one.labels.view ?? '', one.value]] : [])))
}

test('rows that are written again as they were make nothing be computed again', async () => {
  const filled = await filledPlatform()
  // Longer ago than what a feed reads again: only the state can know these.
  for (const table of ['users', 'generations', 'subscriptions'])
    await filled.database.pool.query(`UPDATE platform.${table} SET updated_at = now() - interval '5 hours'`)
  await filled.refreshed()
  await filled.database.pool.query(`UPDATE platform.users SET country = 'FR', updated_at = now() WHERE id = 2`)
  await filled.refreshed()
  const states = ['account', 'population', 'active', 'generation', 'generating', 'retention', 'subscription']
  const before = await rowVersions(filled, states)
  for (const table of ['users', 'generations', 'subscriptions', 'bug_reports', 'influencer_requests'])
    await filled.database.pool.query(`UPDATE platform.${table} SET updated_at = now()`)
  const { backlog, failures } = await refresh(optionsOf(filled, crumb))
  expect([...failures]).toEqual([])
  expect([...backlog]).toEqual([])
  expect(await rowVersions(filled, states)).toEqual(before)
  expect(await filled.wrong()).toEqual([])
})

test('more changes than a refresh takes are taken bite by bite; meanwhile figures keep their last values, and none fails', async () => {
  const filled = await filledPlatform()
  const first = await filled.refreshed()
  await filled.database.pool.query(`
    UPDATE platform.users SET country = 'NL', updated_at = now();
    INSERT INTO platform.sessions (user_id, started_at) SELECT 1 + n % 10, now() FROM generate_series(1, 40) AS n;
    UPDATE platform.generations SET scene = 'forest', updated_at = now();
    DELETE FROM platform.bug_reports`)
  const options = optionsOf(filled, crumb)
  const begun = await refresh(options)
  expect([...begun.failures]).toEqual([])
  expect(begun.backlog.get('users')).toBeGreaterThan(0)
  expect(backlogShown(begun.snapshot)).toMatchObject({ users: begun.backlog.get('users'), payments: 0 })
  for (const [name, state] of begun.snapshot.collectors) {
    expect(state.success, name).toBe(true)
    // Those that wait show what they last showed, and say of when it is.
    if (state.asOf !== begun.snapshot.asOf) expect(state.families).toEqual(first.collectors.get(name)?.families)
  }
  const waiting = [...begun.snapshot.collectors].filter(([, { asOf }]) => asOf === first.asOf).map(([name]) => name)
  expect(waiting).toContain('users')
  // Nothing that changed is of these.
  expect(waiting).not.toContain('bug-reports')

  let bites = 0
  for (let backlog = begun.backlog; backlog.size > 0; bites += 1) {
    expect(bites).toBeLessThan(2_000)
    backlog = await catchUp(options)
  }
  expect(bites).toBeGreaterThan(5)
  const { snapshot, backlog, failures } = await refresh(options)
  expect([[...backlog], [...failures]]).toEqual([[], []])
  for (const [name, { asOf }] of snapshot.collectors) expect(asOf, name).toBe(snapshot.asOf)
  expect(await filled.wrong()).toEqual([])
})

test('a refresh gives way to a migration of the platform, is tried again, and the migration is not the one that fails', async () => {
  const filled = await filledPlatform()
  await filled.refreshed()
  const migration = await filled.database.pool.connect()
  try {
    await migration.query('BEGIN; LOCK TABLE platform.generations IN ACCESS EXCLUSIVE MODE')
    const refreshing = refresh(optionsOf(filled, { ...crumb, changes: 1_000, entities: 1_000, ms: 60_000 }))
    // The refresh holds what it has read of users until it gives way, so this would be a deadlock.
    const start = performance.now()
    await migration.query('LOCK TABLE platform.users IN ACCESS EXCLUSIVE MODE')
    expect(performance.now() - start).toBeLessThan(5_000)
    await migration.query('COMMIT')
    const { failures } = await refreshing
    expect([...failures]).toEqual([])
  } finally {
    migration.release()
  }
  expect(await filled.wrong()).toEqual([])
})
