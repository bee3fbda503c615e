import { isDeepStrictEqual } from 'node:util'
import { keptSets } from '../../catalogue/define.ts'
import { views } from '../../catalogue/views.ts'
import { layout } from '../../exporter/figures/index.ts'
import type { Inputs } from '../../exporter/store/figure.ts'
import { nothingKept, plainCandidates, readKept, refreshKept, refreshPopular } from '../../exporter/store/labels.ts'
import type { Pool, PoolClient } from '../../lib/postgres.ts'

type Client = Pick<PoolClient, 'query'>

/** What has series of its own, by choices that are kept: label values for good, popular items for their day. */
export interface Choices {
  kept: Inputs['kept']
  popularDays: readonly string[]
}

export async function readChoices(client: Client, store: string): Promise<Choices> {
  const { rows } = await client.query<{ day: string }>(`SELECT day::text AS day FROM ${store}.popular_day`)
  return { kept: await readKept(client, store), popularDays: rows.map((row) => row.day) }
}

interface Chosen {
  store: string
  source: string
  inputs: Omit<Inputs, 'kept' | 'popularItems'>
  /** What was chosen already when the refresh began. */
  before: Choices
}

/** A line for each choice of a refresh that is not the one by plain SQL over the views. Nothing stays. */
export async function differencesOfChoices(pool: Pool, { store, source, inputs, before }: Chosen): Promise<string[]> {
  const client = await pool.connect()
  try {
    await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL search_path = ${source}; SET LOCAL jit = off`)
    const options = { storeSchema: store, inputs: { ...inputs, kept: nothingKept, popularItems: [] } }
    const counts = layout.dailyItems.plain
    const found = await readKept(client, store)
    const foundItems = await refreshPopular(client, { ...options, counts })
    await client.query(
      `DELETE FROM ${store}.kept_value WHERE (kept_set, value) NOT IN (
         SELECT kept.key, was.value FROM jsonb_each($1::jsonb) AS kept CROSS JOIN jsonb_array_elements_text(kept.value) AS was)`,
      [JSON.stringify(before.kept)],
    )
    for (const table of ['popular_item', 'popular_day'])
      await client.query(`DELETE FROM ${store}.${table} WHERE day::text <> ALL ($1)`, [before.popularDays])
    const expected = await refreshKept(client, { ...options, sets: plainCandidates(layout.labelSets, new Set(views)) })
    const expectedItems = await refreshPopular(client, { ...options, counts })
    const unlike = keptSets.filter((set) => !isDeepStrictEqual(found[set], expected[set]))
    const lines = unlike.map((set) => `kept of ${set} are ${found[set]}; expected ${expected[set]}`)
    const listed = (items: typeof foundItems) => items.map((item) => Object.values(item).join(' ')).sort()
    if (!isDeepStrictEqual(listed(foundItems), listed(expectedItems)))
      lines.push(`popular items are ${listed(foundItems)}; expected ${listed(expectedItems)}`)
    return lines
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}
