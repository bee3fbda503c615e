import type { Client } from 'pg'
import { exporterRole } from '../../../database/platform/install.ts'

/** How often each statement was called in a stretch of time. */
export type Calls = ReadonlyMap<string, number>

/**
 * Counts what the exporter's role asks of a database, by pg_stat_statements, which has every statement that was executed.
 * Undefined where the server does not have it.
 */
export interface StatementCounter {
  /** All since the statistics began. */
  read(): Promise<Calls>
}

/** @param client of a superuser, in the database that is watched */
export async function createStatementCounter(client: Client): Promise<StatementCounter | undefined> {
  const { rows } = await client.query<{ preloaded: string }>(
    `SELECT current_setting('shared_preload_libraries') AS preloaded`,
  )
  if (rows[0]?.preloaded.includes('pg_stat_statements') !== true) return undefined
  await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
  return {
    read: async () => {
      const found = await client.query<{ query: string; calls: string }>(
        `SELECT query, sum(calls) AS calls
         FROM pg_stat_statements
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND userid = (SELECT oid FROM pg_roles WHERE rolname = $1)
         GROUP BY query`,
        [exporterRole],
      )
      return new Map(found.rows.map(({ query, calls }) => [query, Number(calls)]))
    },
  }
}

/** What was called after `before` was read and until `after` was. */
export function callsBetween(before: Calls, after: Calls): Calls {
  const more = [...after].map(([query, calls]) => [query, calls - (before.get(query) ?? 0)] as const)
  return new Map(more.filter(([, calls]) => calls > 0))
}

export const totalOf = (calls: Calls): number => [...calls.values()].reduce((sum, count) => sum + count, 0)

/** What the exporter asks by itself: for a newer snapshot, who leads, and whether Postgres answers. */
const pollSeconds = (query: string): number => (query.includes('.lease') ? 1 : 5)

/**
 * Holds a stretch of scrapes against one without.
 * @throws where a statement was called that is not called without scrapes, or more often than each 5 s (who leads: each second), with one to spare
 */
export function expectNoQueries(stretch: { name: string; seconds: number; calls: Calls }, quiet: Calls): void {
  for (const [query, calls] of stretch.calls) {
    const most = Math.floor(stretch.seconds / pollSeconds(query)) + 2
    if (quiet.has(query) && calls <= most) continue
    const expected = quiet.has(query) ? `at most ${most} calls` : 'none, as without scrapes'
    throw new Error(
      `${stretch.name}: ${calls} calls in ${stretch.seconds.toFixed(0)} s of ${query}; expected ${expected}`,
    )
  }
}
