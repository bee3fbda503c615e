import { setTimeout as sleep } from 'node:timers/promises'
import type { RunDirectory } from '../../demo/launcher/run-directory.ts'
import { checkAudit, checkFigures, type Footprint, footprintOf, watched } from './checks.ts'
import { startWorld } from './world.ts'
import { startWriter } from './writer.ts'

export interface SoakOptions {
  directory: RunDirectory
  minutes: number
  users: number
  days: number
  say: (line: string) => void
}

interface Sample extends Footprint {
  minute: number
}

export interface SoakResult {
  samples: Record<string, Sample[]>
  /** Megabytes an hour after the warm-up, by least squares: of the heap, which a leak must grow, and of all memory. */
  slopes: Record<string, { heap: number; rss: number }>
  problems: string[]
}

/** A third of the time is for caches, pools and the compiler to fill. */
const warmUpRatio = 1 / 3
/** A heap that grows by 20 MB an hour would take ten hours to double: less cannot be told from noise in half an hour. */
export const heapSlopeMax = 20
/** What Node keeps of what it freed comes and goes in tens of megabytes. */
export const rssSlopeMax = 60

/** The load without faults: a line a minute, and whether the memory is flat. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { directory, minutes, users, days, say } = options
  const world = await startWorld({ directory, users, days, actionsPerSecond: 6, refreshInterval: '2s' })
  const writer = startWriter(world.auditUrl, world.audit.token, 15)
  const samples: Record<string, Sample[]> = Object.fromEntries(watched.map((name) => [name, []]))
  const problems: string[] = []
  try {
    for (let minute = 1; minute <= minutes; minute += 1) {
      await sleep(60_000)
      for (const name of watched) samples[name]?.push({ minute, ...footprintOf(world, name) })
      say(
        `minute ${String(minute).padStart(3)}  ${watched.map((name) => lineOf(name, samples[name]?.at(-1))).join('   ')}`,
      )
    }
    problems.push(...(await checkFigures(world)).problems, ...(await checkAudit(world, writer)).problems)
  } finally {
    await writer.stop().catch(() => {})
    await world.stop()
  }
  const slopes: SoakResult['slopes'] = {}
  for (const name of watched) {
    const late = (samples[name] ?? []).filter(({ minute }) => minute > minutes * warmUpRatio)
    const heap = slopeAnHour(late, ({ heapMegabytes }) => heapMegabytes)
    const rss = slopeAnHour(late, ({ rssMegabytes }) => rssMegabytes)
    slopes[name] = { heap, rss }
    say(
      `${name}: heap ${heap.toFixed(1)} MB an hour (at most ${heapSlopeMax}), RSS ${rss.toFixed(1)} (at most ${rssSlopeMax})`,
    )
    if (heap > heapSlopeMax) problems.push(`the heap of ${name} grows by ${heap.toFixed(1)} MB an hour`)
    if (rss > rssSlopeMax) problems.push(`the memory of ${name} grows by ${rss.toFixed(1)} MB an hour`)
  }
  for (const problem of problems) say(problem)
  return { samples, slopes, problems }
}

const lineOf = (name: string, sample: Sample | undefined): string =>
  `${name} RSS ${sample?.rssMegabytes} MB, heap ${sample?.heapMegabytes} MB, ${sample?.descriptors} fds`

/** Of the line that fits best, in units an hour. 0 for fewer than two points. */
export function slopeAnHour<Point extends { minute: number }>(
  points: readonly Point[],
  value: (point: Point) => number,
): number {
  if (points.length < 2) return 0
  const mean = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  const [middle, height] = [mean(points.map(({ minute }) => minute)), mean(points.map(value))]
  const above = points.reduce((sum, point) => sum + (point.minute - middle) * (value(point) - height), 0)
  const below = points.reduce((sum, { minute }) => sum + (minute - middle) ** 2, 0)
  return (above / below) * 60
}
