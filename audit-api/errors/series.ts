import { Counter } from 'prom-client'
import { errorsTotal } from '../../catalogue/audit.ts'
import { type Pool, transaction } from '../../lib/postgres.ts'
import type { ServiceRegistry } from '../../lib/service-metrics.ts'
import type { ErrorCount } from './error-queries.ts'

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
export function createErrorSeries(pool: Pool, registry: ServiceRegistry): ErrorSeries {
  const counter = new Counter({
    name: errorsTotal.name,
    help: errorsTotal.help,
    labelNames: ['service', 'error_type'],
    registers: [registry],
  })
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

/** A service and a type of its errors. */
interface Pair {
  service: string
  type: string
}

/** The pairs that have a series of their own. */
async function readSeries(pool: Pool): Promise<Pair[]> {
  return (await pool.query<Pair>('SELECT service, type FROM barometer_audit.error_series')).rows
}

// Only what was asked for is counted, each by the index of its type, and no more than a day of it: a minute's new names.
const mostFrequent = `
  SELECT asked.service, asked.type
  FROM unnest($1::text[], $2::text[]) AS asked (service, type)
  CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM barometer_audit.error
    WHERE error.service = asked.service AND error.type = asked.type AND error.recorded_at > now() - interval '1 day'
      AND error.occurred_at > now() - interval '30 days'
  ) AS counted
  WHERE counted.count >= $3::integer
  ORDER BY counted.count DESC, asked.service, asked.type
  LIMIT 200`

/** Gives a series to those of the pairs that were reported often enough in the last day, while there is room. */
async function addSeries(pool: Pool, pairs: readonly Pair[], errorsMin: number): Promise<void> {
  await transaction(pool, 'BEGIN; SET LOCAL statement_timeout = 10000', async (client) => {
    const { rows } = await client.query<Pair>(mostFrequent, [
      pairs.map((pair) => pair.service),
      pairs.map((pair) => pair.type),
      errorsMin,
    ])
    if (rows.length === 0) return
    await client.query('SELECT barometer_audit.add_error_series($1, $2)', [
      rows.map((row) => row.service),
      rows.map((row) => row.type),
    ])
  })
}
