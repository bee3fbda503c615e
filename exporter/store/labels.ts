import { type KeptSet, keptMax, keptSets } from '../../catalogue/define.ts'
import type { View } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import type { Inputs, PopularItem } from './figure.ts'
import type { LabelSet } from './layout.ts'
import { bind } from './run-figure.ts'

type Client = Pick<PoolClient, 'query'>

type LabelSets = Readonly<Record<KeptSet, LabelSet>>

/** By set, the statement that counts its candidates: value, and how many there are of it. */
export type CandidatesOf = Partial<Record<KeptSet, string>>

/** Counts over the views, for the sets whose views are all there. */
export function plainCandidates(labelSets: LabelSets, views: ReadonlySet<View>): CandidatesOf {
  const sets = keptSets.filter((set) => labelSets[set].views.every((view) => views.has(view)))
  return Object.fromEntries(sets.map((set) => [set, labelSets[set].plain]))
}

/** Counts from the store, for the sets whose part is up to date. */
export function storedCandidates(labelSets: LabelSets, isUpToDate: (part: string) => boolean): CandidatesOf {
  const sets = keptSets.filter((set) => isUpToDate(labelSets[set].reads.of.name))
  return Object.fromEntries(sets.map((set) => [set, labelSets[set].emit]))
}

/** Words of our own, which are there without a place; `free` is one only where it means a tier. */
const ownWords = (set: KeptSet): string[] => ['', 'unknown', 'other', ...(set === 'tier' ? ['free'] : [])]

interface KeptOptions {
  storeSchema: string
  inputs: Inputs
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
export async function refreshKept(
  client: Client,
  options: KeptOptions & { sets: CandidatesOf },
): Promise<Inputs['kept']> {
  const { sets } = options
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
 * @param options.counts the statement that counts by category, item and window
 */
export async function refreshPopular(
  client: Client,
  options: KeptOptions & { counts: string },
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
    const counts = bind(options.counts, inputs)
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
