import { performance } from 'node:perf_hooks'
import type { View } from '../../catalogue/views.ts'
import type { Pool } from '../../lib/postgres.ts'
import type { Part, PartState } from './parts.ts'

export interface BuildProgress {
  /** Between 0 and 1, by the estimated number of rows. */
  fraction: number
  /** From what it has taken so far; undefined in the first moments. */
  secondsLeft: number | undefined
  /** The parts that are being built. */
  parts: readonly string[]
}

export type Progress = Awaited<ReturnType<typeof startProgress>>

interface Source {
  pool: Pool
  schema: string
}

interface Plan {
  Plan: { 'Plan Rows': number }
}

/** How many rows Postgres believes a view to have: no row is read for it. */
async function estimatedRows({ pool, schema }: Source, view: View): Promise<number> {
  const explained = await pool
    .query<{ 'QUERY PLAN': Plan[] }>(`EXPLAIN (FORMAT JSON) SELECT FROM ${schema}."${view}"`)
    // A view that fails says so where it is read; it is no reason to know nothing of the others.
    .catch(() => ({ rows: [] }))
  return explained.rows[0]?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0
}

const viewOf = (part: Part): View => (part.kind === 'feed' ? part.view : part.domain.entity.view)

/** An entity's contribution costs about 25 times what a fact costs that is only added up. */
const weightOf = (part: Part): number => (part.kind === 'feed' ? (part.facts === undefined ? 0 : 1) : 25)

/** Follows a build: how much of the estimated work is done, and what that says of the rest. */
export async function startProgress(
  source: Source,
  parts: readonly Part[],
  missing: readonly PartState[],
): Promise<{
  add(part: string, rows: number): BuildProgress
  /** How much of the estimated work a part has left; the estimate is of rows by what each costs. */
  workLeft(part: string): number
  seconds(): number
}> {
  const started = performance.now()
  const work = new Map<string, { total: number; done: number; weight: number }>()
  for (const part of parts) {
    if (!missing.some((state) => state.name === part.name)) continue
    const weight = weightOf(part)
    work.set(part.name, { total: weight * (await estimatedRows(source, viewOf(part))), done: 0, weight })
  }
  const seconds = () => (performance.now() - started) / 1_000
  return {
    seconds,
    workLeft: (name) => {
      const one = work.get(name)
      return one === undefined ? 0 : one.total - one.done
    },
    add: (name, rows) => {
      const one = work.get(name)
      if (one !== undefined) {
        one.done += rows * one.weight
        one.total = Math.max(one.total, one.done)
      }
      const sum = (pick: 'total' | 'done') => [...work.values()].reduce((total, each) => total + each[pick], 0)
      const fraction = Math.min(1, sum('done') / Math.max(1, sum('total')))
      const secondsLeft = fraction < 0.01 ? undefined : (seconds() / fraction) * (1 - fraction)
      return { fraction, secondsLeft, parts: [name] }
    },
  }
}
