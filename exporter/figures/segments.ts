import { passes } from '../store/ranges.ts'
import { fold } from './rules.ts'

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
