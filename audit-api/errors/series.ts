import type { Counter } from 'prom-client'
import type { Pool } from '../../lib/postgres.ts'
import type { ErrorCount } from './error-queries.ts'
import { addSeries, readSeries } from './series-queries.ts'

/** What the 50 most frequent types are counted beside, and services past the 19th. */
export const other = 'other'

/** A type reported once or twice in a day gets no series: those may be types with a number in them. */
const errorsMin = 3
/** Names waiting for a series; a flood of new names must not fill the memory. */
const waitingMax = 1_000

export interface ErrorSeries {
  /** Counts errors that were stored; never fails, since what is stored must not be sent again. */
  count(errors: readonly ErrorCount[]): Promise<void>
  /** Reads which series there are, and asks for new ones; to be called every minute. */
  refresh(): Promise<void>
}

/**
 * Counts errors by service and type, with a bounded number of series.
 *
 * A counter must not move from one series to another, or rates would be wrong. So which services and types have a series
 * of their own stands in the database, the same for all replicas and over restarts, and is only added to: a pair gets its
 * place within a minute after it was reported three times in a day, most frequent first, while there is room (50 types, 19
 * services), and keeps it as long as the log has an error of it. What was counted as `other` before stays counted there.
 * A series is shown at 0 before anything is counted in it, since Prometheus does not see the first value of a series as an
 * increase: so no error is missing in a rate or an increase, and the sum of all series is exact from the first error on.
 */
export function createErrorSeries(pool: Pool, counter: Counter<'service' | 'error_type'>): ErrorSeries {
  let known: ReadonlySet<string> | undefined
  let services: ReadonlySet<string> = new Set()
  const waiting = new Map<string, { service: string; type: string }>()
  counter.inc({ service: other, error_type: other }, 0)

  async function read(): Promise<void> {
    const pairs = await readSeries(pool)
    const found = new Set(pairs.map(({ service, type }) => keyOf(service, type)))
    services = new Set(pairs.map(({ service }) => service))
    for (const { service, type } of pairs) {
      counter.inc({ service, error_type: type }, 0)
      counter.inc({ service, error_type: other }, 0)
    }
    // What has no error in the log any more lost its place, and its count has not moved for 30 days.
    for (const key of known ?? []) {
      if (found.has(key)) continue
      const [service = '', type = ''] = JSON.parse(key) as string[]
      counter.remove({ service, error_type: type })
      if (!services.has(service)) counter.remove({ service, error_type: other })
    }
    known = found
    for (const key of found) waiting.delete(key)
  }

  return {
    count: async (errors) => {
      // Where the series cannot be read now, all is counted as other and nothing is lost.
      if (known === undefined) await read().catch(() => {})
      for (const { service, type, count } of errors) {
        const key = keyOf(service, type)
        if (known?.has(key)) counter.inc({ service, error_type: type }, count)
        else {
          counter.inc({ service: services.has(service) ? service : other, error_type: other }, count)
          if (waiting.size < waitingMax) waiting.set(key, { service, type })
        }
      }
    },
    refresh: async () => {
      const asked = [...waiting.values()]
      waiting.clear()
      if (asked.length > 0) await addSeries(pool, asked, errorsMin)
      await read()
      // Who is short of three may get there; who found no room asks again when it is reported again.
    },
  }
}

const keyOf = (service: string, type: string): string => JSON.stringify([service, type])
