import type { TelemetryWarnings } from './telemetry-warnings.ts'
import { messageOf } from './user-error.ts'

/** What the SDK asks of an exporter; 0 is success, 1 failure. */
interface Result {
  code: number
  error?: Error
}

interface Exporter<Item> {
  export(batch: Item[], done: (result: Result) => void): void
  shutdown(): Promise<void>
  forceFlush?(): Promise<void>
}

export interface WatchedExporterOptions<Item> {
  exporter: Exporter<Item>
  /** What is sent of each. */
  asSent: (item: Item) => Item
  deadlineMs: number
  /** Cuts what is under way. */
  cut: () => void
  warnings: Pick<TelemetryWarnings, 'failed' | 'arrived'>
}

/**
 * An exporter whose every batch has an end, after which its connection is cut. What fails is lost and said once, not for
 * each batch: the SDK is told of success, since it would say each failure again.
 */
export class WatchedExporter<Item> implements Exporter<Item> {
  readonly #options: WatchedExporterOptions<Item>

  constructor(options: WatchedExporterOptions<Item>) {
    this.#options = options
  }

  export(batch: Item[], done: (result: Result) => void): void {
    const { exporter, asSent, deadlineMs, cut, warnings } = this.#options
    let ended = false
    const end = (error?: string): void => {
      if (ended) return
      ended = true
      clearTimeout(timer)
      if (error === undefined) warnings.arrived()
      else warnings.failed(error, batch.length)
      done({ code: 0 })
    }
    const timer = setTimeout(() => {
      end(`no whole answer within ${deadlineMs} ms`)
      cut()
    }, deadlineMs)
    timer.unref()
    exporter.export(batch.map(asSent), ({ code, error }) => end(code === 0 ? undefined : reasonOf(error)))
  }

  shutdown(): Promise<void> {
    return this.#options.exporter.shutdown()
  }

  async forceFlush(): Promise<void> {
    await this.#options.exporter.forceFlush?.()
  }
}

/** The status and no more of an answer: its body is whatever the other side wrote. */
function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'it did not say why'
  if ('code' in error && typeof error.code === 'number') return `it answered with status ${error.code}`
  return messageOf(error)
}
