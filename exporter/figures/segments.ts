import { fold } from './rules.ts'

/** Whether a value is among those that the filter asks for; there is no filter where none is named. */
export const passes = (filter: string, value: string): string =>
  `(NOT :filters ? '${filter}' OR :filters -> '${filter}' ? (${value}))`

const segments = {
  tier: fold('p.tier', 'tier'),
  country: fold('p.country', 'country'),
  characters: 'p.characters',
  activity: 'p.activity',
}

/** Whether any segment is asked for at all. */
export const bySegment = `:filters ?| ARRAY[${Object.keys(segments)
  .map((name) => `'${name}'`)
  .join(', ')}]`

/** Whether a user `p` of rollup_population is in the segments, as the user is now. */
export const inSegment = Object.entries(segments)
  .map(([name, value]) => passes(name, value))
  .join(' AND ')

/** What rows are told apart by, beside the bucket: the value of `by`, one of these names, else `all`. */
export function part(dimensions: Readonly<Record<string, string>>): string {
  const cases = Object.entries(dimensions).map(([name, value]) => `WHEN '${name}' THEN ${value}`)
  return `CASE :filters ->> 'by' ${cases.join(' ')} ELSE 'all' END`
}
