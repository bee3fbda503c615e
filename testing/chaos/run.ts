import { setTimeout as sleep } from 'node:timers/promises'
import { ruleGroups } from '../../alerts/index.ts'
import type { RunDirectory } from '../../demo/launcher/run-directory.ts'
import { messageOf } from '../../lib/user-error.ts'
import { checkAudit, checkFigures, type Footprint, openFootprints, readPages } from './checks.ts'
import { type Fault, faults } from './faults.ts'
import { drawn, randomFrom } from './random.ts'
import { startWorld, type World } from './world.ts'
import { startWriter, type Writer } from './writer.ts'

export interface ChaosOptions {
  directory: RunDirectory
  seed: number
  faultCount: number
  /** Of the choices, those whose names hold this text. */
  only?: string
  /** Of the seeded platform. */
  users: number
  days: number
  /** How long a fault lasts, from and to. */
  seconds: readonly [number, number]
  /** How long it is watched what the processes hold before the first fault; 6 unless given. */
  baselineSeconds?: number
  /** One more after all others. */
  last?: Fault
  say: (line: string) => void
}

/** What became of one fault. */
export interface FaultResult {
  name: string
  faultSeconds: number
  /** From the repair until every check held. */
  recoverySeconds: number
  series: number
  events: number
  pages: string[]
  skipped?: string
  problems: string[]
}

export interface ChaosResult {
  seed: number
  results: FaultResult[]
  /** Of the whole run: what was given up, and the state at its end. */
  problems: string[]
  footprints: { name: string; before: Footprint; after: Footprint }[]
  seconds: number
}

const alertNames = ruleGroups.flatMap((group) =>
  'alerts' in group ? (group.alerts ?? []).map(({ name }) => name) : [],
)
/** What is paged late, or is over late, belongs to one of the faults of the last minutes. */
const pagesBelongMs = 300_000
const actionsPerSecond = 6
const eventsPerSecond = 15

/** Starts the stack, has it live, does one fault after the other, and checks all after each. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { directory, seed, say } = options
  const startedMs = performance.now()
  const random = randomFrom(seed)
  const choices = faults.filter(({ name }) => name.includes(options.only ?? ''))
  const order = [...drawn(choices, options.faultCount, random), ...(options.last === undefined ? [] : [options.last])]
  const { users, days } = options
  const world = await startWorld({ directory, users, days, actionsPerSecond, refreshInterval: '2s' })
  const writer = startWriter(world.auditUrl, world.audit.token, eventsPerSecond)
  try {
    const warm = await check(world, writer)
    if (warm.problems.length > 0)
      throw new Error(`the stack is not whole before any fault: ${warm.problems.join('; ')}`)
    const footprints = openFootprints(world)
    for (let looks = 0; looks < (options.baselineSeconds ?? 6); looks += 1) {
      footprints.learn()
      await sleep(1_000)
    }
    const before = new Map(footprints.read())
    say(
      `the stack is up in ${seconds(startedMs)} s, ${warm.series} series are exact; ${order.length} faults, seed ${seed}`,
    )
    const results: FaultResult[] = []
    const recent: { fault: Fault; endedMs: number }[] = []
    for (const [index, fault] of order.entries()) {
      const result = await doFault(world, writer, fault, lasts(options, random))
      recent.push({ fault, endedMs: performance.now() })
      if (result.skipped === undefined) {
        result.problems.push(...(await footprints.check()))
        const { alerts, refused } = await readPages(world, alertNames)
        const allowed = recent.filter(({ endedMs }) => performance.now() - endedMs < pagesBelongMs)
        const justified = new Set(allowed.flatMap((one) => one.fault.mayPage))
        result.pages = alerts
        result.problems.push(
          ...alerts.filter((name) => !justified.has(name)).map((name) => `${name} pages, which no fault justifies`),
          ...refused.map((problem) => `a receiver refuses a page: ${problem}`),
        )
      }
      results.push(result)
      say(lineOf(index + 1, order.length, result))
      for (const problem of result.problems) say(`      ${problem}`)
    }
    const after = footprints.read()
    return {
      ...{ seed, results },
      problems: writer.givenUp.map((line) => `the client gave up an event: ${line}`),
      footprints: after.map(([name, now]) => ({ name, before: before.get(name) ?? now, after: now })),
      seconds: Math.round((performance.now() - startedMs) / 1_000),
    }
  } finally {
    await writer.stop().catch(() => {})
    await world.stop()
  }
}

const seconds = (sinceMs: number): string => ((performance.now() - sinceMs) / 1_000).toFixed(1)
const lasts = ({ seconds: [from, to] }: ChaosOptions, random: () => number): number => from + random() * (to - from)

async function doFault(world: World, writer: Writer, fault: Fault, faultSeconds: number): Promise<FaultResult> {
  const result: FaultResult = {
    ...{ name: fault.name, faultSeconds: 0, recoverySeconds: 0, series: 0, events: 0, pages: [], problems: [] },
  }
  const skipped = fault.skip?.(world)
  if (skipped !== undefined) return { ...result, skipped }
  const startMs = performance.now()
  try {
    await fault.run(world, faultSeconds)
    result.faultSeconds = (performance.now() - startMs) / 1_000
    const repairedMs = performance.now()
    Object.assign(result, await check(world, writer))
    result.recoverySeconds = (performance.now() - repairedMs) / 1_000
  } catch (error) {
    result.problems.push(messageOf(error))
  }
  const dead = Object.values(world.services).filter((service) => !service.program().running())
  for (const service of dead) {
    result.problems.push(`${service.name} has ended by itself`)
    // So that what comes after is judged for itself.
    await service.start().catch((error: unknown) => result.problems.push(messageOf(error)))
  }
  return result
}

async function check(world: World, writer: Writer): Promise<{ series: number; events: number; problems: string[] }> {
  const figures = await checkFigures(world)
  const audit = await checkAudit(world, writer)
  return {
    series: figures.series,
    events: audit.events,
    problems: [...figures.problems.slice(0, 10), ...audit.problems],
  }
}

function lineOf(number: number, total: number, result: FaultResult): string {
  const place = `${String(number).padStart(3)}/${total}`
  if (result.skipped !== undefined) return `${place}  skipped  ${result.name}: ${result.skipped}`
  const verdict = result.problems.length === 0 ? 'ok     ' : 'FAILED '
  const pages = result.pages.length === 0 ? 'no page' : `paged ${result.pages.join(', ')}`
  return `${place}  ${verdict}  ${result.name}: ${result.faultSeconds.toFixed(1)} s, whole ${result.recoverySeconds.toFixed(1)} s after the repair, ${result.series} series exact, ${result.events} events, ${pages}`
}

/** Whether all held. */
export const held = ({ results, problems }: ChaosResult): boolean =>
  problems.length === 0 && results.every((result) => result.problems.length === 0)
