import { setImmediate as turn } from 'node:timers/promises'
import type { Job } from '../../../catalogue/jobs.ts'
import { BlockWriter } from './block/block.ts'
import { type Span, seedOf } from './movement.ts'
import type { RecordedSeries } from './recorded.ts'
import { jobs, type Series, type SeriesFamily } from './series.ts'

/** What Prometheus merges blocks to, in hours: the greatest where it keeps 68 days or more, of which a block is a tenth at most. */
const blockHours = [162, 54, 18, 6, 2]
export const longestBlockHours = blockHours[0]

export interface HistorySize {
  samples: number
  series: number
  blocks: number
}

interface HistoryOptions {
  families: readonly SeriesFamily[]
  span: Span
  /** Where blocks go. */
  directory: string
  /** What rules recorded in a part of the span. */
  recordedIn?: (part: Span) => Promise<readonly RecordedSeries[]>
  say: (line: string) => void
}

/**
 * Writes every sample of a span as blocks of Prometheus.
 * @returns what they hold; of the series, as many as the block with most has
 */
export async function writeHistory(options: HistoryOptions): Promise<HistorySize> {
  const { families, span, directory, recordedIn = async () => [], say } = options
  const parts = blocksOf(span)
  const size = { samples: 0, series: 0, blocks: parts.length }
  for (const [index, part] of parts.entries()) {
    const block = new BlockWriter(directory)
    const scrapes = new Map<Job, Scrapes>()
    for (const { series } of families) {
      for (const one of series) {
        const of = scrapes.get(one.job) ?? scrapesOf(one.job, part)
        scrapes.set(one.job, of)
        addSeries(block, one, of)
      }
      await turn()
    }
    for (const { labels, times, values } of await recordedIn(part)) block.add(labels, times, values, times.length)
    const written = block.finish({ begins: part.begins * 1_000, ends: part.ends * 1_000 })
    size.samples += written.samples
    size.series = Math.max(size.series, written.series)
    say(`  block ${index + 1} of ${parts.length}: ${written.samples.toLocaleString('en')} samples`)
  }
  return size
}

/** Each is the longest, in whole multiples since 1970, that is over; the newest samples are a block too, for want of a head. */
export function blocksOf({ begins, ends }: Span): Span[] {
  const blocks: Span[] = []
  for (let at = begins; at < ends; ) {
    const endOf = (hours: number): number => (Math.floor(at / (hours * 3_600)) + 1) * hours * 3_600
    const end = blockHours.map(endOf).find((each) => each <= ends) ?? ends
    blocks.push({ begins: at, ends: end })
    at = end
  }
  return blocks
}

interface Scrapes {
  /** When each is, in milliseconds, and when what it finds was computed, in seconds. */
  times: Float64Array
  computed: Float64Array
  /** Room for what a series has at these times. */
  values: Float64Array
  valueTimes: Float64Array
}

/** The scrapes of a job in a span: at an instant of its own in each interval, as Prometheus spreads them. */
function scrapesOf(job: Job, { begins, ends }: Span): Scrapes {
  const { scrapeSeconds, refreshSeconds } = jobs[job]
  const offsetMs = Math.abs(seedOf(job)) % (scrapeSeconds * 1_000)
  const first = Math.ceil((begins * 1_000 - offsetMs) / (scrapeSeconds * 1_000))
  const end = Math.ceil((ends * 1_000 - offsetMs) / (scrapeSeconds * 1_000))
  const times = Float64Array.from(
    { length: end - first },
    (_, index) => (first + index) * scrapeSeconds * 1_000 + offsetMs,
  )
  return {
    times,
    computed: times.map((time) => Math.floor(time / 1_000 / refreshSeconds) * refreshSeconds),
    values: new Float64Array(times.length),
    valueTimes: new Float64Array(times.length),
  }
}

function addSeries(block: BlockWriter, { name, labels, job, movement }: Series, scrapes: Scrapes): void {
  const { times, computed, values, valueTimes } = scrapes
  let [count, before, value] = [0, Number.NaN, Number.NaN]
  for (let index = 0; index < times.length; index++) {
    const at = computed[index] ?? 0
    if (at !== before) value = movement(at)
    before = at
    if (Number.isNaN(value)) continue
    values[count] = value
    valueTimes[count] = times[index] ?? 0
    count += 1
  }
  const { instance } = jobs[job]
  block.add({ __name__: name, ...labels, job, instance }, valueTimes, values, count)
}
