import type { View } from '../../catalogue/views.ts'
import { type Cells, type Domain, dirtyOf, lookUp, overlap, seenOf, stateOf, turnedOf } from './domain.ts'
import { versionOf } from './feeds.ts'
import { cellsAdded, idOf } from './sums.ts'

/** How many entities one statement takes: some seconds at most, however many are dirty. */
export const entitiesMax = 20_000

/** The entities that a statement computes anew. */
export interface Dirty {
  ctes?: readonly string[]
  ids: string
  /** Those that the clock alone moves, as rows of the state. */
  aged?: string
}

/** Entities that changed, that are due, or whose user turned internal or back. */
export function dirtyEntities(domain: Domain, limit = entitiesMax): Dirty {
  const state = stateOf(domain)
  const picked = `picked AS (
  DELETE FROM ${dirtyOf(domain)} WHERE id IN (SELECT id FROM ${dirtyOf(domain)} LIMIT ${limit}) RETURNING id
)`
  const due = `due AS MATERIALIZED (SELECT * FROM ${state} WHERE next_at <= :as_of LIMIT ${limit})`
  const { aged, turnedBy } = domain
  const ids = `SELECT id FROM picked UNION SELECT s.id FROM due AS s ${aged === undefined ? '' : `WHERE NOT (${aged.where})`}`
  const rows =
    aged === undefined
      ? {}
      : {
          aged: `SELECT s.* FROM due AS s WHERE (${aged.where}) AND NOT EXISTS (SELECT FROM dirty WHERE dirty.id = s.id)`,
        }
  if (turnedBy === undefined) return { ctes: [picked, due], ids, ...rows }
  const turned = `turned AS (DELETE FROM ${turnedOf(domain.name)} RETURNING user_id)`
  return { ctes: [picked, due, turned], ids: `${ids} UNION (${turnedBy})`, ...rows }
}

/** A stretch of a view by the key that a domain is walked by: after one key, up to another or to the end of the view. */
export interface Walk {
  /** The type of the key. */
  type: string
  after: string | null
  through: string | null
}

function walkedRows(domain: Domain, { type, after, through }: Walk): string {
  const by = domain.entity.walkedBy ?? domain.entity.id
  const literal = (text: string) => `'${text.replaceAll("'", "''")}'::${type}`
  const bounds = [
    ...(after === null ? [] : [`${by} > ${literal(after)}`]),
    ...(through === null ? [] : [`${by} <= ${literal(through)}`]),
  ]
  return `"${domain.entity.view}" ${bounds.length === 0 ? '' : `WHERE ${bounds.join(' AND ')}`}`
}

/** The entities of a stretch. */
export const walkedEntities = (domain: Domain, walk: Walk): string =>
  `SELECT DISTINCT ${domain.entity.id} FROM ${walkedRows(domain, walk)}`

/**
 * Contributions of a stretch of entities that have none in the store yet: the same as recompute, without a look at what was.
 * The rows of the stretch are read as they come.
 */
export function computeFirst(domain: Domain, walk: Walk): string {
  const { id } = domain.entity
  const all = ['id', ...Object.keys(domain.columns), 'next_at']
  const entities = (alias?: string) =>
    alias === undefined
      ? `(${walkedEntities(domain, walk)}) AS d(id)`
      : `(SELECT * FROM ${walkedRows(domain, walk)}) AS ${alias} CROSS JOIN LATERAL (SELECT ${alias}.${id}) AS d(id)`
  return `WITH fresh(${all.join(', ')}) AS MATERIALIZED (${domain.contribution(entities)}
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (${firstRows(domain, all)}),
${cellsAdded(domain.cells.map(youngEnough), 'delta').join(',\n')}
SELECT count(*) AS entities FROM fresh`
}

/** States of rows note of each the version that the feed has surely told of: what it reads no more. */
function firstRows(domain: Domain, all: readonly string[]): string {
  const { rowsOf } = domain
  if (rowsOf === undefined) return `INSERT INTO ${stateOf(domain)} (${all.join(', ')}) SELECT * FROM fresh`
  const listed = all.map((column) => `fresh.${column}`).join(', ')
  const told = `(SELECT watermark - ${overlap} FROM rollup_part WHERE name = 'feed ${rowsOf}')`
  return `INSERT INTO ${stateOf(domain)} (${all.join(', ')}, told)
  SELECT ${listed}, v.version FROM fresh
  LEFT JOIN ${lookUp(`${versionOf(rowsOf, 'v')} AS version`, `"${rowsOf}" AS v WHERE v.${idOf(rowsOf)} = fresh.id AND v.updated_at <= ${told}`)} AS v ON true`
}

/** The same sums, without what is older than the days that are kept. */
function youngEnough(cells: Cells): Cells {
  if (cells.at?.daysKept === undefined) return cells
  const young = `${cells.at.instant} > :as_of - interval '${24 * cells.at.daysKept} hours'`
  return { ...cells, where: cells.where === undefined ? young : `${cells.where} AND ${young}` }
}

/**
 * Computes the contributions of the entities anew, stores them, and adds new − old to the sums.
 * Gives `entities`, and `differing` with the first of them in `examples`: those whose contribution is another than before.
 * @param waiting the parts that must hear of a user who turned internal or back; only the accounts have any
 */
export function recompute(
  domain: Domain,
  dirty: Dirty,
  waiting: { facts: readonly View[]; domains: readonly Domain[] } = { facts: [], domains: [] },
): string {
  const state = stateOf(domain)
  const columns = Object.keys(domain.columns)
  const all = ['id', ...columns, 'next_at']
  const listed = all.map((column) => `s.${column}`).join(', ')
  const row = (alias: string, names: readonly string[]) => `(${names.map((name) => `${alias}.${name}`).join(', ')})`
  const turned = waiting.facts.length + waiting.domains.length > 0 ? turnedUsers(waiting) : []
  const values = ['s.id', ...(domain.aged?.values ?? [])].join(', ')
  // Of a new one the version that the feed has told of, where it has: what is read here may be a newer one already.
  const told = domain.rowsOf === undefined ? undefined : `LEFT JOIN ${seenOf(domain.rowsOf)} AS seen ON seen.id = s.id`
  const aged = (rows: string) => (dirty.aged === undefined ? '' : `\n  UNION ALL ${rows}`)
  return `WITH ${[
    ...(dirty.ctes ?? []),
    `dirty(id) AS MATERIALIZED (${dirty.ids})`,
    ...(dirty.aged === undefined ? [] : [`aged AS MATERIALIZED (${dirty.aged})`]),
    `old AS MATERIALIZED (
  SELECT ${listed} FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM ${state} WHERE id = d.id OFFSET 0) AS s${aged(`SELECT ${listed} FROM aged AS s`)}
)`,
    `fresh(${all.join(', ')}) AS MATERIALIZED (${domain.contribution((alias) => lookedUp(domain, alias))}${aged(`SELECT ${values} FROM aged AS s`)}
)`,
    `delta AS MATERIALIZED (
  SELECT -1 AS sign, ${listed} FROM old AS s UNION ALL SELECT 1, ${listed} FROM fresh AS s
)`,
    `gone AS (
  DELETE FROM ${state} AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
)`,
    `stored AS (
  INSERT INTO ${state} AS s (${[...all, ...(told === undefined ? [] : ['told'])].join(', ')})
  SELECT ${listed}${told === undefined ? '' : ', seen.version'} FROM fresh AS s ${told ?? ''}
  ON CONFLICT (id) DO UPDATE SET ${[...columns, 'next_at'].map((column) => `${column} = excluded.${column}`).join(', ')}
  WHERE ${row('s', [...columns, 'next_at'])} IS DISTINCT FROM ${row('excluded', [...columns, 'next_at'])}
)`,
    ...cellsAdded(domain.cells, 'delta'),
    ...turned,
    `differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR ${row('old', columns)} IS DISTINCT FROM ${row('fresh', columns)}
)`,
  ].join(',\n')}
SELECT (SELECT count(*) FROM dirty)${dirty.aged === undefined ? '' : ' + (SELECT count(*) FROM aged)'} AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing`
}

/** The dirty entities, each with its own row by the index on its id. */
function lookedUp({ entity }: Domain, alias?: string): string {
  if (alias === undefined) return 'dirty AS d'
  return `dirty AS d CROSS JOIN ${lookUp('*', `"${entity.view}" WHERE ${entity.id} = d.id`)} AS ${alias}`
}

/**
 * Tells who turned internal or back. Facts are moved by what they were last counted as, so that who turned twice meanwhile
 * did not turn at all; entities are computed anew in any case.
 */
function turnedUsers({ facts, domains }: { facts: readonly View[]; domains: readonly Domain[] }): string[] {
  return [
    `turned AS MATERIALIZED (
  SELECT coalesce(fresh.id, old.id) AS user_id, coalesce(fresh.is_internal, false) AS is_internal
  FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE coalesce(old.is_internal, false) <> coalesce(fresh.is_internal, false)
)`,
    ...facts.flatMap((view) => [
      `back_${view} AS (
  DELETE FROM ${turnedOf(view)} AS waiting USING turned WHERE waiting.user_id = turned.user_id RETURNING waiting.user_id
)`,
      `told_${view} AS (
  INSERT INTO ${turnedOf(view)} (user_id, is_internal) SELECT user_id, is_internal FROM turned
  WHERE user_id NOT IN (SELECT user_id FROM back_${view})
)`,
    ]),
    ...domains.map(
      (domain) => `told_${domain.name} AS (
  INSERT INTO ${turnedOf(domain.name)} (user_id, is_internal) SELECT user_id, is_internal FROM turned ON CONFLICT DO NOTHING
)`,
    ),
  ]
}
