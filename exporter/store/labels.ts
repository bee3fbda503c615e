import { type KeptSet, keptMax, keptSets, type View } from '../../catalogue/define.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { generation, visitor } from '../figures/content/generation.ts'
import { popularCounts } from '../figures/content/popular.ts'
import { bugReport } from '../figures/requests/state.ts'
import { subscription } from '../figures/revenue/subscription.ts'
import { notInternal } from '../figures/rules.ts'
import { account } from '../figures/users/account.ts'
import type { Inputs, PopularItem } from './figure.ts'
import { bind } from './run-figure.ts'

type Client = Pick<PoolClient, 'query'>

interface Candidates {
  views: readonly View[]
  /** Columns: value, and how many there are of it. */
  sql: string
}

/** By what each set is chosen. NULL, the empty string and our own words take no place. */
const candidates: Readonly<Record<KeptSet, Candidates>> = {
  country: {
    views: ['users'],
    sql: `SELECT u.country::text AS value, count(*) AS n FROM users u
      WHERE ${notInternal} AND u.created_at <= :as_of GROUP BY 1`,
  },
  signup_source: {
    views: ['users'],
    sql: `SELECT u.signup_source::text AS value, count(*) AS n FROM users u
      WHERE ${notInternal} AND u.created_at <= :as_of GROUP BY 1`,
  },
  visit_source: {
    views: ['users', 'visits'],
    sql: `SELECT source::text AS value, count(*) AS n FROM (
        SELECT DISTINCT ON (v.visitor_id) v.source FROM visits v
        WHERE v.visited_at <= :as_of
          AND NOT EXISTS (SELECT FROM users u WHERE u.visitor_id = v.visitor_id AND u.is_internal)
        ORDER BY v.visitor_id, v.visited_at, v.visit_id
      ) AS first_visit GROUP BY 1`,
  },
  tier: {
    views: ['users', 'subscriptions'],
    sql: `SELECT s.tier::text AS value, count(*) AS n FROM subscriptions s LEFT JOIN users u USING (user_id)
      WHERE ${notInternal} AND s.started_at <= :as_of GROUP BY 1`,
  },
  aspect_ratio: {
    views: ['users', 'generations'],
    sql: `SELECT g.aspect_ratio::text AS value, count(*) AS n FROM generations g LEFT JOIN users u USING (user_id)
      WHERE ${notInternal} AND g.created_at <= :as_of GROUP BY 1`,
  },
  failure_reason: {
    views: ['users', 'generations'],
    sql: `SELECT g.failure_reason::text AS value, count(*) AS n FROM generations g LEFT JOIN users u USING (user_id)
      WHERE ${notInternal} AND g.status = 'failed' AND g.finished_at <= :as_of GROUP BY 1`,
  },
  severity: {
    views: ['bug_reports'],
    sql: `SELECT b.severity::text AS value, count(*) AS n FROM bug_reports b WHERE b.created_at <= :as_of GROUP BY 1`,
  },
}

/** The same from the store: counts that are there anyway, so that a set with room costs no look at the past. */
const stored: Readonly<Record<KeptSet, { part: string; sql: string }>> = {
  country: {
    part: account.name,
    sql: 'SELECT country AS value, sum(n) AS n FROM rollup_signups WHERE grain = 0 GROUP BY 1',
  },
  signup_source: {
    part: account.name,
    sql: 'SELECT source AS value, sum(n) AS n FROM rollup_signups WHERE grain = 0 GROUP BY 1',
  },
  visit_source: {
    part: visitor.name,
    sql: 'SELECT source AS value, sum(n) AS n FROM rollup_funnel WHERE grain = 0 GROUP BY 1',
  },
  tier: { part: subscription.name, sql: 'SELECT tier AS value, n FROM rollup_subscriptions_begun' },
  aspect_ratio: { part: generation.name, sql: 'SELECT aspect_ratio AS value, n FROM rollup_aspect_ratios' },
  failure_reason: {
    part: generation.name,
    sql: 'SELECT reason AS value, sum(n) AS n FROM rollup_generation_failures GROUP BY 1',
  },
  severity: { part: bugReport.name, sql: 'SELECT severity AS value, n FROM rollup_bug_reports' },
}

/** By set, the statement that counts its candidates: value, and how many there are of it. */
export type CandidatesOf = Partial<Record<KeptSet, string>>

/** Counts over the views, for the sets whose views are all there. */
export function plainCandidates(views: ReadonlySet<View>): CandidatesOf {
  const sets = keptSets.filter((set) => candidates[set].views.every((view) => views.has(view)))
  return Object.fromEntries(sets.map((set) => [set, candidates[set].sql]))
}

/** Counts from the store, for the sets whose part is up to date. */
export function storedCandidates(isUpToDate: (part: string) => boolean): CandidatesOf {
  const sets = keptSets.filter((set) => isUpToDate(stored[set].part))
  return Object.fromEntries(sets.map((set) => [set, stored[set].sql]))
}

/** Words of our own, which are there without a place; `free` is one only where it means a tier. */
const ownWords = (set: KeptSet): string[] => ['', 'unknown', 'other', ...(set === 'tier' ? ['free'] : [])]

interface KeptOptions {
  storeSchema: string
  inputs: Inputs
}

interface KeptSource {
  /** Views that are there and as they should be, to count the candidates in; a set that needs another is left as it is. */
  views?: ReadonlySet<View>
  /** Where else to count them. */
  sets?: CandidatesOf
}

export const nothingKept: Inputs['kept'] = Object.fromEntries(
  keptSets.map((set) => [set, []]),
) as unknown as Inputs['kept']

/** Reads the kept values from the store. */
export async function readKept(client: Client, storeSchema: string): Promise<Inputs['kept']> {
  const { rows } = await client.query<{ kept_set: string; values: string[] }>(
    `SELECT kept_set, array_agg(value ORDER BY position) AS values FROM ${storeSchema}.kept_value GROUP BY kept_set`,
  )
  return { ...nothingKept, ...Object.fromEntries(rows.map((row) => [row.kept_set, row.values])) }
}

/**
 * Lets values in while a set has fewer than 20: at the first build that chooses the 20 largest, ties by name. A value that
 * is kept stays kept, so that no total moves between `other` and a series of its own.
 * @returns all kept values, now stored, as an input of the figures
 */
export async function refreshKept(client: Client, options: KeptOptions & KeptSource): Promise<Inputs['kept']> {
  const sets = options.sets ?? plainCandidates(options.views ?? new Set())
  const kept = { ...(await readKept(client, options.storeSchema)) }
  for (const set of keptSets) {
    const sql = sets[set]
    const before = kept[set]
    if (before.length >= keptMax || sql === undefined) continue
    const bound = bind(sql, options.inputs)
    const excluded = `$${bound.values.length + 1}::text[]`
    const { rows } = await client.query<{ value: string }>({
      text: `SELECT value FROM (${bound.text}) AS candidate
        WHERE value IS NOT NULL AND n > 0 AND value <> ALL (${excluded})
        ORDER BY n DESC, value COLLATE "C" LIMIT ${keptMax - before.length}`,
      values: [...bound.values, [...ownWords(set), ...before]],
    })
    const entering = rows.map((row) => row.value)
    if (entering.length === 0) continue
    await client.query(
      `INSERT INTO ${options.storeSchema}.kept_value (kept_set, value, position)
       SELECT $1, value, $3 + ordinality FROM unnest($2::text[]) WITH ORDINALITY AS entering(value, ordinality)`,
      [set, entering, before.length],
    )
    kept[set] = [...before, ...entering]
  }
  return kept
}

/**
 * The items with a series of their own on the reporting day of as_of: chosen by the metric itself at the day's first
 * refresh, 20 for each category and window, and kept for the day.
 * @param options.counts counts by category, item and window; by plain SQL over the views unless given
 */
export async function refreshPopular(
  client: Client,
  options: KeptOptions & { counts?: string },
): Promise<PopularItem[]> {
  const { storeSchema, inputs } = options
  const day = bind(`SELECT (:as_of AT TIME ZONE :timezone)::date::text AS day`, inputs)
  const { rows: days } = await client.query<{ day: string }>(day)
  const today = days[0]?.day
  const first = await client.query(
    `INSERT INTO ${storeSchema}.popular_day (day) VALUES ($1) ON CONFLICT DO NOTHING RETURNING day`,
    [today],
  )
  if (first.rowCount === 1) {
    const counts = bind(options.counts ?? popularCounts, inputs)
    await client.query({
      text: `INSERT INTO ${storeSchema}.popular_item (day, category, time_window, item)
        SELECT $${counts.values.length + 1}::date, category, "window", item FROM (
          SELECT *, row_number() OVER (PARTITION BY category, "window" ORDER BY value DESC, item COLLATE "C") AS place
          FROM (${counts.text}) AS counted WHERE item <> 'other'
        ) AS placed WHERE place <= ${keptMax}`,
      values: [...counts.values, today],
    })
    await client.query(`DELETE FROM ${storeSchema}.popular_item WHERE day < $1::date - 7`, [today])
    await client.query(`DELETE FROM ${storeSchema}.popular_day WHERE day < $1::date - 7`, [today])
  }
  const { rows } = await client.query<PopularItem>(
    `SELECT category, time_window AS "window", item FROM ${storeSchema}.popular_item WHERE day = $1`,
    [today],
  )
  return rows
}
