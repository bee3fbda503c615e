import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { appendedBy, columns, isOptional, type Kind, kindOf, type View, views } from '../../catalogue/views.ts'
import { rowSeeds } from '../store/rows.ts'
import { rowsOfKinds } from './random.ts'

const ofKind: Record<Kind, (value: unknown) => boolean> = {
  id: Number.isInteger,
  instant: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  text: (value) => typeof value === 'string',
  country: (value) => typeof value === 'string' && value.length <= 2,
  currency: (value) => typeof value === 'string' && value.length <= 3,
  flag: (value) => typeof value === 'boolean',
  number: Number.isInteger,
  minorUnits: Number.isInteger,
}

/** Columns of a row that the contract would not have. */
function wrong(view: View, row: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(row).flatMap(([name, value]) => {
    const { kind } = columns[view][name] ?? {}
    if (kind === undefined) return [`${name} is not in the contract`]
    if (value === null) return isOptional(kind) ? [] : [`${name} is NULL`]
    // Seeds leave instants to be worked out.
    const isSeed = kindOf(kind) === 'instant' && typeof value === 'object'
    return isSeed || ofKind[kindOf(kind)](value) ? [] : [`${name} is ${JSON.stringify(value)}; expected ${kind}`]
  })
}

describe.each(views)('rows of %s that are made of the kinds of its columns alone', (view) => {
  test('are whole rows of the contract, the same for the same seed', () => {
    const rows = [1, 2, 3, 4, 5].flatMap((seed) => rowsOfKinds(view, seed))
    expect(rows.length).toBeGreaterThan(20)
    for (const row of rows) expect(Object.keys(row)).toEqual(Object.keys(columns[view]))
    expect(rows.flatMap((row) => wrong(view, row))).toEqual([])
    expect(rowsOfKinds(view, 5)).toEqual(rowsOfKinds(view, 5))
    const optional = Object.entries(columns[view]).filter(([, { kind }]) => isOptional(kind))
    for (const [name] of optional) expect(new Set(rows.map((row) => row[name] === null)).size, name).toBe(2)
  })

  test('as seeds have all columns but the id, and changes leave ids and what happened alone', () => {
    const [, ...names] = Object.keys(columns[view])
    const seeds = fc.sample(fc.record(rowSeeds.ofKinds(view)), { seed: 1, numRuns: 50 })
    for (const seed of seeds) expect(Object.keys(seed).toSorted()).toEqual(names.toSorted())
    expect(seeds.flatMap((seed) => wrong(view, seed))).toEqual([])
    if (appendedBy[view] !== undefined) return
    const changes = fc.sample(rowSeeds.changeOfKinds(view), { seed: 1, numRuns: 50 })
    for (const change of changes) expect(change).toHaveProperty('updated_at')
    const kept = names.filter(
      (name) => name !== 'updated_at' && /^(?:id|instant)$/.test(columns[view][name]?.kind ?? ''),
    )
    for (const change of changes) expect(Object.keys(change).filter((name) => kept.includes(name))).toEqual([])
  })
})
