import { appendedBy } from '../../catalogue/views.ts'
import { type Cells, cellsOf, type Domain, type Facts, stateOf } from './domain.ts'
import type { Accounts } from './feeds.ts'
import { grainNumber, keptSums, sumsAdded } from './sums.ts'
import { rowEdge } from './windows.ts'

/** Entities that the store has and the views have no more. Needs an index on the view's id. */
export const goneEntities = (domain: Domain): string =>
  `SELECT id FROM ${stateOf(domain)} AS s WHERE NOT EXISTS (
    SELECT FROM "${domain.entity.view}" AS v WHERE v.${domain.entity.id} = s.id
  )`

const columnsOf = (cells: Cells): { keys: string[]; sums: string[] } => ({
  keys: [
    ...(cells.at === undefined ? [] : ['grain', 'day', 'hour']),
    ...Object.keys(cells.keys).map((key) => `"${key}"`),
  ],
  sums: ['n', ...Object.keys(cells.amounts ?? {})],
})

/** Sums that are there with nothing in them are the same as none. */
const holdsSomething = (sums: readonly string[]): string => sums.map((sum) => `c.${sum} <> 0`).join(' OR ')

/**
 * Sums `expected` of `relation`, and the ones of the store that differ from them in `differing`, put right. Only cells of
 * which `where` holds are compared.
 */
function putRight(cells: Cells, expected: string, where: string): string[] {
  const table = cellsOf(cells)
  const { keys, sums } = columnsOf(cells)
  const same = keys.length === 0 ? 'true' : keys.map((key) => `c.${key} = e.${key}`).join(' AND ')
  const conflict = keys.length === 0 ? 'only_row' : keys.join(', ')
  const either = [...keys, ...sums].map((column) =>
    sums.includes(column)
      ? `coalesce(e.${column}, 0) - coalesce(c.${column}, 0) AS ${column}`
      : `coalesce(e.${column}, c.${column}) AS ${column}`,
  )
  return [
    `expected(${[...keys, ...sums].join(', ')}) AS MATERIALIZED (${expected})`,
    `stored AS MATERIALIZED (SELECT * FROM ${table} AS c WHERE (${holdsSomething(sums)}) AND (${where}))`,
    `differing AS MATERIALIZED (
  SELECT ${either.join(', ')} FROM expected AS e FULL JOIN stored AS c ON ${same}
  WHERE ${sums.map((sum) => `coalesce(e.${sum}, 0) <> coalesce(c.${sum}, 0)`).join(' OR ')}
)`,
    `righted AS (
  INSERT INTO ${table} AS c (${[...keys, ...sums].join(', ')}) SELECT ${[...keys, ...sums].join(', ')} FROM differing
  ON CONFLICT (${conflict}) DO UPDATE SET ${sums.map((sum) => `${sum} = c.${sum} + excluded.${sum}`).join(', ')}
)`,
  ]
}

const examples = (cells: Cells): string => {
  const { keys, sums } = columnsOf(cells)
  return `(SELECT array_agg(d.line) FROM (
    SELECT concat_ws(' ', ${[...keys, ...sums].join(', ')}) AS line FROM differing LIMIT 5
  ) AS d)`
}

/**
 * Sums of a domain's cells against the state that they are the sums of. Where days are kept for a while the older ones are
 * left as they are. Gives `differing` and `examples`.
 */
export function recountState(domain: Domain, cells: Cells): string {
  const young = cells.at?.daysKept
  const since = young === undefined ? undefined : `(:as_of AT TIME ZONE :timezone)::date - ${young - 1}`
  const expected = sumsAdded(cells, `(SELECT 1 AS sign, * FROM ${stateOf(domain)})`, since)
  const compared = since === undefined ? keptSums(cells, 'c') : `${keptSums(cells, 'c')} AND c.day >= ${since}`
  return `WITH ${putRight(cells, expected, compared).join(',\n')}
SELECT count(*) AS differing, ${examples(cells)} AS examples FROM differing`
}

/** How far back facts are looked at every night; nothing that a window shows is older. */
const recentDays = 35

/**
 * Sums of facts against the rows of the view. In full all of them; else those of the days that are looked at, and `ever` is
 * moved by what these days were wrong by. Gives `differing` (days, in full all cells) and `examples`.
 */
export function recountFacts(accounts: Accounts, { view }: Facts, cells: Cells, full: boolean): string {
  const by = appendedBy[view] ?? ''
  const since = `(:as_of AT TIME ZONE :timezone)::date - ${recentDays}`
  // A day begins nowhere more than 16 hours from where it begins in UTC.
  const after = full ? `'-infinity'::timestamptz` : `(:as_of - interval '${24 * (recentDays + 2)} hours')`
  const rows = rowEdge(accounts, view, by)(after, `(:as_of + interval '1 microsecond')`)
  if (full) {
    const all = sumsAdded(cells, `(${rows})`)
    return `WITH ${putRight(cells, all, keptSums(cells, 'c')).join(',\n')}
SELECT count(*) AS differing, ${examples(cells)} AS examples FROM differing`
  }
  const { keys, sums } = columnsOf(cells)
  const ownKeys = keys.slice(3)
  const stretch: Cells = {
    ...cells,
    at: { instant: '', ...cells.at, grains: (cells.at?.grains ?? []).filter((grain) => grain !== 'ever') },
  }
  const expected = sumsAdded(stretch, `(${rows})`, since)
  const total = [...ownKeys, ...sums.map((sum) => `sum(${sum})`)].join(', ')
  return `WITH ${putRight(cells, expected, `c.grain > ${grainNumber.ever} AND c.day >= ${since}`).join(',\n')},
total AS (
  INSERT INTO ${cellsOf(cells)} AS c (${[...keys, ...sums].join(', ')})
  SELECT ${grainNumber.ever}, '-infinity', '-infinity', ${total} FROM differing WHERE grain = ${grainNumber.day}
  ${ownKeys.length === 0 ? 'HAVING count(*) > 0' : `GROUP BY ${ownKeys.join(', ')}`}
  ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${sums.map((sum) => `${sum} = c.${sum} + excluded.${sum}`).join(', ')}
)
SELECT count(*) FILTER (WHERE grain = ${grainNumber.day}) AS differing, ${examples(cells)} AS examples FROM differing`
}
