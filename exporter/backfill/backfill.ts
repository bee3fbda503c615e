import { rename, rm } from 'node:fs/promises'
import type { Metric } from '../../catalogue/define.ts'
import { snapshotTimestampSeconds } from '../../catalogue/exporter.ts'
import { catalogue } from '../../catalogue/index.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { layout } from '../figures/index.ts'
import { prepareBlocks } from './blocks.ts'
import { type Hours, hourMs } from './hours.ts'
import { finish, writeFamily } from './open-metrics.ts'
import { inspect, openReaders, prepareInputs, type Views } from './readers.ts'
import { type HourlySeries, hourlySeries } from './series.ts'
import { fileSink, printSink, type Sink } from './sinks.ts'
import { type FigureWithPast, withPast } from './steps.ts'

export interface BackfillOptions {
  settings: SettingsWith<'DATABASE_URL'>
  hours: Hours
  /** Labels that every series gets. */
  labels: Readonly<Record<string, string>>
  /** A file for the text. */
  output?: string
  /** A directory for blocks. */
  blocks?: string
  /** Where the text goes when neither is given; resolves when it is taken. */
  print: (text: string) => Promise<void>
  /** A line about each figure. */
  say: (line: string) => void
  monotonicSeconds: () => number
  /** Ends it early, with nothing left behind. */
  signal: AbortSignal
}

/**
 * Writes the past of the figures, hour by hour. Everything is read in one transaction, so all of it is of one state of the
 * views; nothing is changed, in the store neither. What is written becomes visible when it is whole.
 * @returns a line for each figure that could not be computed because of its views
 */
export async function backfill(options: BackfillOptions): Promise<readonly string[]> {
  const { hours, output } = options
  checkLabels(options.labels)
  const blocks = options.blocks === undefined ? undefined : await prepareBlocks(options.blocks, hours)
  const partial = output === undefined ? undefined : `${output}.partial`
  const sinks: Sink[] = [...(blocks?.sinks ?? [])]
  try {
    if (partial !== undefined) sinks.push(await openOutput(partial, hours))
    if (sinks.length === 0) sinks.push(await printSink(options.print, hours))
    const failures = await writeAll(sinks, options)
    await finish(sinks)
    await blocks?.make({ onBlock: (done, all) => options.say(`block ${done} of ${all}`), signal: options.signal })
    if (partial !== undefined && output !== undefined) await rename(partial, output)
    return failures
  } catch (error) {
    if (!options.signal.aborted) throw error
    throw new UserError('stopped before it was done; nothing is left of it', { exitCode: 1, cause: error })
  } finally {
    await Promise.allSettled(sinks.map((sink) => sink.abandon()))
    await blocks?.clean()
    if (partial !== undefined) await rm(partial, { force: true })
  }
}

async function openOutput(path: string, { count }: Hours): Promise<Sink> {
  try {
    return await fileSink(path, { first: 0, end: count })
  } catch (error) {
    throw new UserError(`--output: ${messageOf(error)}; expected a file that can be written`)
  }
}

/** @throws {UserError} for a name that is none, and for one that a metric has itself */
function checkLabels(labels: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(labels)) {
    const own = catalogue.find((metric) => metric.exposition === 'figures' && name in metric.labels)
    if (own !== undefined || name === 'le')
      throw new UserError(`--label: ${name} is a label of ${own?.name ?? 'histograms'}; expected another name`)
  }
}

async function writeAll(sinks: readonly Sink[], options: BackfillOptions): Promise<readonly string[]> {
  const { hours, labels, settings } = options
  const write = async (metric: Metric, series: Parameters<typeof writeFamily>[1]): Promise<void> => {
    const start = options.monotonicSeconds()
    const count = await writeFamily(metric, series, { hours, sinks, labels })
    const seconds = (options.monotonicSeconds() - start).toFixed(1)
    options.say(`${metric.name}: ${count.series} series, ${count.samples} samples, ${seconds} s`)
  }
  const readers = await openReaders(settings, options.signal)
  try {
    const [one, other] = readers.clients
    const views = await inspect(one, settings.SOURCE_SCHEMA)
    const inputs = await prepareInputs(one, settings, views.good)
    const { possible, failures } = possiblePasts(views, options.say)
    const start = (index: number) => {
      const figure = possible[index]
      return figure && hourlySeries(index % 2 === 0 ? one : other, figure, { hours, inputs })
    }
    await write(snapshotTimestampSeconds, [snapshots(hours)])
    let current = start(0)
    for (const [index, { metric }] of possible.entries()) {
      options.signal.throwIfAborted()
      // The database works at the next while this one is written.
      const next = start(index + 1)
      if (current !== undefined) await named(metric, write(metric, current))
      current = next
    }
    return failures
  } finally {
    await readers.close()
  }
}

function possiblePasts(
  views: Views,
  say: (line: string) => void,
): { possible: readonly FigureWithPast[]; failures: string[] } {
  const possible: FigureWithPast[] = []
  const failures: string[] = []
  for (const figure of withPast(layout.collectors.flatMap(({ figures }) => figures))) {
    const { name, sources } = figure.metric
    const problem = sources.map((view) => views.problems.get(view)).find((line) => line !== undefined)
    const missing = sources.filter((view) => !views.good.has(view))
    if (problem !== undefined) failures.push(`${name}: ${problem}`)
    else if (missing.length > 0) say(`${name}: left out, the view ${missing.join(', ')} is absent`)
    else possible.push(figure)
  }
  return { possible, failures }
}

/** The instant of each hour's figures, which says that there are figures of it. */
function snapshots({ firstMs, count }: Hours): HourlySeries {
  const seconds = Float64Array.from({ length: count }, (_, place) => (firstMs + place * hourMs) / 1_000)
  return { labels: {}, values: [seconds], there: new Uint8Array(count).fill(1) }
}

/** The failure under its metric's name: a time-out alone would not say what took so long. */
async function named<Result>(metric: Metric, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw new Error(`${metric.name}: ${messageOf(error)}`, { cause: error })
  }
}
