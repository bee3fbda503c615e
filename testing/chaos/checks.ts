import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { verifyChain } from '../../audit-api/chain/verify.ts'
import { collectors } from '../../exporter/figures/index.ts'
import { readSnapshot, type Snapshot } from '../../exporter/store/snapshot.ts'
import { written } from '../../exporter/store/written.ts'
import { render } from '../../lib/exposition.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import { readSettings } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { differencesFromPlainSql } from '../store/compare.ts'
import type { World } from './world.ts'
import { type Writer, writerAction } from './writer.ts'

const store = 'barometer'
const source = 'barometer_source'
/** How long a refresh may be away after everything has been repaired: connections are made anew, parts catch up. */
const refreshTimeoutMs = 45_000

async function withOwner<Result>(world: World, work: (pool: Pool) => Promise<Result>): Promise<Result> {
  const pool = createPool({ connectionString: world.ownerUrl(), applicationName: 'chaos-check', connectionsMax: 2 })
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

/**
 * Holds still what changes rows and compares every series, in the store and on both replicas' pages, with plain SQL: in
 * the first refresh after that, or at the latest in the second.
 * @returns what differs, a line each
 */
export async function checkFigures(world: World): Promise<{ series: number; problems: string[] }> {
  const { simulator, workers } = world.services
  await Promise.all([simulator.signal('SIGSTOP'), workers.signal('SIGSTOP')])
  try {
    // What they had sent before is done by then.
    await sleep(400)
    return await withOwner(world, async (pool) => {
      const { rows } = await pool.query<{ at: string }>('SELECT clock_timestamp()::text AS at')
      let after = rows[0]?.at ?? ''
      let problems: string[] = []
      for (let refreshes = 0; refreshes < 2; refreshes += 1) {
        const snapshot = await snapshotAfter(pool, after)
        if (typeof snapshot === 'string') return { series: 0, problems: [snapshot] }
        problems = await differencesOf(world, pool, snapshot)
        if (problems.length === 0) return { series: seriesOf(snapshot), problems }
        after = snapshot.asOf
      }
      return { series: 0, problems }
    })
  } finally {
    await Promise.all([simulator.signal('SIGCONT'), workers.signal('SIGCONT')])
  }
}

async function snapshotAfter(pool: Pool, after: string): Promise<Snapshot | string> {
  const deadlineMs = performance.now() + refreshTimeoutMs
  while (performance.now() < deadlineMs) {
    const { rows } = await pool.query<{ id: string }>(
      `SELECT id FROM ${store}.snapshot WHERE as_of > $1::timestamptz ORDER BY id LIMIT 1`,
      [after],
    )
    const id = rows[0]?.id
    if (id !== undefined) {
      const snapshot = await readSnapshot(pool, store, String(BigInt(id) - 1n))
      if (snapshot !== undefined) return snapshot
    }
    await sleep(150)
  }
  return `no refresh within ${refreshTimeoutMs / 1_000} s of the repair`
}

async function differencesOf(world: World, pool: Pool, snapshot: Snapshot): Promise<string[]> {
  const states = collectors.flatMap((collector) => {
    const state = snapshot.collectors.get(collector.name)
    return state === undefined ? [] : [[collector, state] as const]
  })
  const missing = collectors.length - states.length
  const failing = states
    .filter(([, state]) => !state.success)
    .map(([collector]) => `the collector ${collector.name} fails`)
  if (missing > 0) failing.push(`${missing} collectors are not in the snapshot`)
  if (failing.length > 0) return failing
  const settings = readSettings({})
  const unlike = await differencesFromPlainSql(pool, { ...{ store, source, settings, states }, asOf: snapshot.asOf })
  return [...unlike, ...(await differencesOfPages(world, pool))]
}

/** Both replicas show one snapshot after the other; what they show must be one that is in the store, to the digit. */
async function differencesOfPages(world: World, pool: Pool): Promise<string[]> {
  const deadlineMs = performance.now() + 15_000
  let problems: string[] = []
  while (performance.now() < deadlineMs) {
    const snapshot = await readSnapshot(pool, store)
    const lines = snapshot === undefined ? [] : linesOf(snapshot)
    problems = []
    for (const url of world.exporterUrls) {
      try {
        const page = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })
        const shown = new Set((await page.text()).split('\n'))
        const absent = lines.filter((line) => !shown.has(line))
        if (absent.length > 0) problems.push(`${url} lacks ${absent.length} of ${lines.length} series, ${absent[0]}`)
      } catch (error) {
        problems.push(`${url}: ${messageOf(error)}`)
      }
    }
    if (problems.length === 0) return []
    await sleep(200)
  }
  return problems
}

function linesOf(snapshot: Snapshot): string[] {
  const families = [...snapshot.collectors.values()].flatMap((state) => state.families)
  return render(families.map(written), 'text')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
}

const seriesOf = (snapshot: Snapshot): number => linesOf(snapshot).length

/**
 * Whether all that the client was told is stored is there once, sealed, in a chain that holds.
 * @returns what is not as it should be, a line each
 */
export async function checkAudit(world: World, writer: Writer): Promise<{ events: number; problems: string[] }> {
  await writer.flush(30_000)
  return await withOwner(world, async (pool) => {
    await untilSealed(pool)
    const ids = [...writer.acknowledged]
    const { rows } = await pool.query<{ lost: number; twice: number; unsealed: number }>(
      `SELECT count(*) FILTER (WHERE e.times IS NULL)::int AS lost, count(*) FILTER (WHERE e.times > 1)::int AS twice,
         count(*) FILTER (WHERE e.places IS DISTINCT FROM e.times)::int AS unsealed
       FROM unnest($1::uuid[]) AS a (id) LEFT JOIN (
         SELECT event.id, count(*) AS times, count(s.id) AS places FROM barometer_audit.event
         LEFT JOIN barometer_audit.event_seal AS s USING (id) WHERE action = $2 GROUP BY event.id
       ) AS e USING (id)`,
      [ids, writerAction],
    )
    const { lost = 0, twice = 0, unsealed = 0 } = rows[0] ?? {}
    const chain = await verifyChain(pool, { whole: true })
    const problems = [
      ...(lost > 0 ? [`${lost} of ${ids.length} acknowledged audit events are lost`] : []),
      ...(twice > 0 ? [`${twice} audit events are stored twice`] : []),
      ...(unsealed > 0 ? [`${unsealed} audit events have no place in the chain`] : []),
      ...(chain.valid && chain.complete
        ? []
        : [`the chain does not hold: ${chain.finding?.detail ?? 'it was not walked to its end'}`]),
    ]
    return { events: ids.length, problems }
  })
}

/** The service seals each second; what it cannot, it has not recovered. */
async function untilSealed(pool: Pool): Promise<void> {
  const deadlineMs = performance.now() + 20_000
  const { rows: newest } = await pool.query<{ id: string }>(
    'SELECT id FROM barometer_audit.event WHERE action = $1 ORDER BY recorded_at DESC LIMIT 1',
    [writerAction],
  )
  while (performance.now() < deadlineMs) {
    const { rowCount } = await pool.query('SELECT FROM barometer_audit.event_seal WHERE id = $1', [newest[0]?.id])
    if (rowCount === 1) return
    await sleep(200)
  }
}

/** What a process holds. */
export interface Footprint {
  rssMegabytes: number
  /** The least of the last minute, which is what a collection has just left; see heap-hook.ts. */
  heapMegabytes: number
  descriptors: number
}

/** The services of Barometer, of which the memory and the descriptors are watched. */
export const watched = ['exporterA', 'exporterB', 'auditApi'] as const

export function footprintOf(world: World, name: (typeof watched)[number]): Footprint {
  const service = world.services[name]
  const { pid } = service.program()
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const file = world.heapFile(service.name)
  return {
    rssMegabytes: Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024),
    heapMegabytes: existsSync(file) ? Math.round(Number(readFileSync(file, 'utf8')) / 1_048_576) : 0,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/**
 * By how much a service may hold more than the most that one of its kind held before any fault. The heap is what a leak
 * grows; what Node keeps of memory that it freed comes and goes by tens of megabytes.
 */
export const tolerance = { heapMegabytes: 30, rssMegabytes: 100, descriptors: 25 }

/** Either exporter may lead: both are held to the same. */
const kindOf = (name: string): string => (name === 'auditApi' ? name : 'exporter')

/** The most that each kind held while nothing was wrong; a process that was started anew is held to the same. */
export function openFootprints(world: World) {
  const most = new Map<string, Footprint>()
  const nothing: Footprint = { rssMegabytes: 0, heapMegabytes: 0, descriptors: 0 }
  const figures = Object.keys(tolerance) as (keyof Footprint)[]
  const read = () => watched.map((name) => [name, footprintOf(world, name)] as const)
  return {
    learn: () => {
      for (const [name, now] of read()) {
        const before = most.get(kindOf(name)) ?? nothing
        const both = figures.map((figure) => [figure, Math.max(before[figure], now[figure])])
        most.set(kindOf(name), Object.fromEntries(both) as unknown as Footprint)
      }
    },
    read,
    /** Descriptors are let go of within seconds, memory with the next collections: waits a while for both. */
    check: async (): Promise<string[]> => {
      let problems: string[] = []
      for (let attempt = 0; attempt < 20; attempt += 1) {
        problems = read().flatMap(([name, now]) =>
          figures.flatMap((figure) => {
            const bound = (most.get(kindOf(name)) ?? now)[figure] + tolerance[figure]
            return now[figure] > bound ? [`${name} holds ${now[figure]} ${figure}; expected at most ${bound}`] : []
          }),
        )
        if (problems.length === 0) return []
        await sleep(500)
      }
      return problems
    },
  }
}

/** The names of the alerts that the receivers have been paged with, resolutions too, and what was malformed. */
export async function readPages(
  world: World,
  known: readonly string[],
): Promise<{ alerts: string[]; refused: string[] }> {
  const alerts: string[] = []
  const refused: string[] = []
  for (const url of world.receiverUrls) {
    const response = await fetch(`${url}/requests`)
    const requests = (await response.json()) as { body: unknown; problems: string[] }[]
    for (const { body, problems } of requests) {
      const text = JSON.stringify(body)
      alerts.push(...known.filter((name) => new RegExp(`\\b${name}\\b`).test(text)))
      refused.push(...problems)
    }
    await (await fetch(`${url}/requests`, { method: 'DELETE' })).body?.cancel()
  }
  return { alerts: [...new Set(alerts)], refused }
}
