import { appendedBy, contract, type View } from '../../catalogue/views.ts'
import {
  type Cells,
  cellsOf,
  type Domain,
  dirtyOf,
  type Facts,
  fineDaysKept,
  type Grain,
  lookUp,
  overlap,
  type State,
  seenOf,
  stateOf,
  turnedOf,
} from './domain.ts'
import { requiredColumns } from './source-contract.ts'

/**
 * The statements of a refresh. Each part is one statement, so that all its look-ups see the state as it was before, and its
 * sums move with its state. Parameters are those of a figure (`:as_of`, `:timezone`, …).
 */

/** The first column of each view is its id. */
export const idOf = (view: View): string => Object.keys(contract[view])[0] as string

/** The column by which changes of a view are found, and where it is the time of what happened, not beyond as_of. */
const hotBy = (view: View): string => appendedBy[view] ?? 'updated_at'

const instant = (text: string): string => `'${text}'::timestamptz`

/** The grains, coarsest first, as they are stored. */
export const grainNumber: Readonly<Record<Grain, number>> = { ever: 0, week: 1, day: 2, hour: 3, slot: 4 }

/**
 * The sums of the rows of `relation`, which have `sign` 1 or -1, as the cells have them: grain, day and hour where there
 * are any, the keys, n and the amounts. Rows are added up by the finest grain first and put into the others after that, so
 * that each is looked at once.
 * @param since a day, where only sums of what begins on it or later are asked for; `ever` is none of them
 */
export function sumsAdded(cells: Cells, relation: string, since?: string): string {
  const keys = Object.keys(cells.keys).map((name) => `"${name}"`)
  const sums = Object.values(cells.amounts ?? {}).map((from) => `coalesce(sum(s.sign * (${from})), 0)`)
  const time = cells.at === undefined ? [] : timeOf(cells.at)
  const grouped = [...time, ...Object.values(cells.keys).map(({ from }) => `(${from})`)]
  const young = since === undefined ? [] : [`${dayOf(cells.at?.instant ?? '')} >= ${since}`]
  const where = [...(cells.where === undefined ? [] : [cells.where]), ...young]
  const added = `SELECT ${[...grouped, 'sum(s.sign)', ...sums].join(', ')}
    FROM ${relation} AS s ${cells.join ?? ''} ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
    ${grouped.length === 0 ? '' : `GROUP BY ${grouped.map((_, index) => index + 1).join(', ')}`}
    HAVING ${['sum(s.sign)', ...sums].map((sum) => `${sum} <> 0`).join(' OR ')}`
  return cells.at === undefined
    ? added
    : intoGrains(cells, cells.at, { keys, amounts: Object.keys(cells.amounts ?? {}), added, since })
}

/** Adds the rows of `relation` to the sums. */
export function addTo(cells: Cells, relation: string): string {
  const keys = Object.keys(cells.keys).map((name) => `"${name}"`)
  const names = ['n', ...Object.keys(cells.amounts ?? {})]
  const unique = cells.at === undefined ? keys : ['grain', 'day', 'hour', ...keys]
  return `INSERT INTO ${cellsOf(cells)} AS c (${[...unique, ...names].join(', ')}) ${sumsAdded(cells, relation)}
    ON CONFLICT (${unique.length === 0 ? 'only_row' : unique.join(', ')}) DO UPDATE SET ${names
      .map((name) => `${name} = c.${name} + excluded.${name}`)
      .join(', ')}`
}

/**
 * A local day is a date, so that it is one day whatever its length; an hour is one of UTC within a local day, which holds
 * in every zone, those of half an hour and those that change by half an hour included.
 */
function timeOf({ instant: at, grains, slotMinutes }: NonNullable<Cells['at']>): string[] {
  const day = dayOf(at)
  if (slotMinutes !== undefined) return [day, startOfSlot(at, slotMinutes)]
  return grains.includes('hour') ? [day, `date_trunc('hour', ${at}, 'UTC')`] : [day, `'-infinity'::timestamptz`]
}

const dayOf = (at: string): string => `(${at} AT TIME ZONE :timezone)::date`

/** Slots begin with the hour of UTC, however many minutes they have. */
export const startOfSlot = (at: string, minutes: number): string =>
  `date_bin('${minutes} minutes', ${at}, '2000-01-01 00:00:00Z'::timestamptz)`

/** The first day of which hours and slots are kept. */
export const fineSince = `(:as_of AT TIME ZONE :timezone)::date - ${fineDaysKept}`

/** Which of the sums are kept: `alias` has their grain and day. */
export const keptSums = ({ at }: Cells, alias: string): string =>
  at?.grains.includes('hour') === true
    ? `(${alias}.grain < ${grainNumber.hour} OR ${alias}.day >= ${fineSince})`
    : 'true'

/** Lets go of the hours and slots that no window reaches any more. */
export const forgetFine = (cells: Cells): string =>
  `DELETE FROM ${cellsOf(cells)} WHERE grain >= ${grainNumber.hour} AND day < ${fineSince}`

interface Added {
  keys: readonly string[]
  amounts: readonly string[]
  added: string
  since: string | undefined
}

function intoGrains(
  cells: Cells,
  { grains, slotMinutes }: NonNullable<Cells['at']>,
  { keys, amounts, added, since }: Added,
): string {
  const rows = grains.map((grain) => {
    const ofWeek = `date_trunc('week', a.day::timestamp)::date`
    const day = grain === 'ever' ? `'-infinity'::date` : grain === 'week' ? ofWeek : 'a.day'
    const ofHour = slotMinutes === undefined ? 'a.hour' : `date_trunc('hour', a.hour, 'UTC')`
    const hour = grain === 'slot' ? 'a.hour' : grain === 'hour' ? ofHour : `'-infinity'::timestamptz`
    return `(${grainNumber[grain]}::smallint, ${day}, ${hour})`
  })
  const columns = ['day', 'hour', ...keys, 'n', ...amounts]
  const group = [1, 2, 3, ...keys.map((_, index) => index + 4)]
  return `SELECT ${['g.grain', 'g.day', 'g.hour', ...keys, 'sum(n)', ...amounts.map((name) => `sum(${name})`)].join(', ')}
    FROM (${added}) AS a(${columns.join(', ')})
    CROSS JOIN LATERAL (VALUES ${rows.join(', ')}) AS g(grain, day, hour)
    WHERE ${keptSums(cells, 'g')} ${since === undefined ? '' : `AND g.day >= ${since}`}
    GROUP BY ${group.join(', ')}`
}

const cellsAdded = (cells: readonly Cells[], relation: string): string[] =>
  cells.map((one) => `added_${one.name} AS (${addTo(one, relation)})`)

const columnsOf = (view: View, alias: string): string =>
  Object.keys(contract[view])
    .map((column) => `${alias}."${column}"`)
    .join(', ')

/** The state of users, whose column `is_internal` says whose rows are counted nowhere. */
export type Accounts = Pick<State, 'name'>

/** Rows of a view that has users, as facts: with what they count as under the flags that the accounts have. */
export const asFacts = (accounts: Accounts, view: View, from: string): string =>
  `SELECT 1 AS sign, ${columnsOf(view, 'v')}, NOT coalesce(u.is_internal, false) AS counted
    FROM ${from} AS v LEFT JOIN ${stateOf(accounts)} AS u ON u.id = v.user_id`

export interface FeedOptions {
  accounts: Accounts
  view: View
  facts: Facts | undefined
  /** The state that has one entity for each row. */
  rows: State | undefined
  /** Up to which instant the view was read before. */
  watermark: string
  /** The domains that want to know of changes. */
  domains: readonly Domain[]
  /** How many changed rows to take. */
  limit?: number
}

/** 50,000 changed rows: what one statement passes on where nothing else is said, some seconds at most. */
export const changesMax = 50_000

/**
 * What a row of a view that changes is told apart by: all that a figure can use of it. When it was written is not of that,
 * so a row that is written again as it was has not changed. Rows that are only added are told apart by their id.
 */
const versionOf = (view: View, alias: string): string =>
  appendedBy[view] === undefined
    ? `hash_record_extended(ROW(${Object.keys(contract[view])
        .filter((column) => column !== 'updated_at')
        .map((column) => `${alias}."${column}"`)
        .join(', ')}), 0)`
    : '0::bigint'

/**
 * Reads what changed since the watermark, with the overlap, and passes it on: to the facts, and to the domains as dirty
 * entities. Needs an index on the view's time column, or on `updated_at`.
 * Gives `changed` (rows), `waiting` (rows that the next call takes: one call takes `limit`) and `null_<column>` for each
 * column that must not hold NULL and does.
 */
export function readFeed(options: FeedOptions): string {
  const { accounts, view, facts, rows, watermark, domains, limit = changesMax } = options
  const id = idOf(view)
  const appended = appendedBy[view] !== undefined
  const dirtied = domains.flatMap((domain) => {
    const ids = domain.dirtiedBy?.[view] ?? 'SELECT user_id FROM changed'
    if (!domain.views.includes(view) || ids === '') return []
    return [
      `dirtied_${domain.name} AS (INSERT INTO ${dirtyOf(domain)} SELECT DISTINCT dirty.id FROM (${ids}) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING)`,
    ]
  })
  const added =
    facts === undefined
      ? []
      : [`fact AS MATERIALIZED (${asFacts(accounts, view, 'changed')})`, ...cellsAdded(facts.cells, 'fact')]
  const nulls = requiredColumns(view).map(
    (column) => `coalesce(bool_or("${column}" IS NULL), false) AS "null_${column}"`,
  )
  const told = domains.some(({ name }) => name === rows?.name) ? stateOf(rows as State) : undefined
  // At once, not when the state is computed: a row that has become another and is again what it was has changed twice.
  if (told !== undefined)
    added.push(`told AS (UPDATE ${told} AS s SET told = changed.version FROM changed WHERE s.id = changed.${id})`)
  return `WITH hot AS MATERIALIZED (
  SELECT ${columnsOf(view, 'v')}, ${versionOf(view, 'v')} AS version FROM "${view}" AS v
  WHERE v.${hotBy(view)} > ${instant(watermark)} - ${overlap} ${appended ? `AND v.${hotBy(view)} <= :as_of` : ''}
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN ${seenOf(view)} AS seen ON seen.id = hot.${id}
  ${told === undefined ? '' : `LEFT JOIN ${lookUp('told', `${told} WHERE id = hot.${id}`)} AS kept ON seen.id IS NULL`}
  WHERE ${told === undefined ? 'seen.version' : 'coalesce(seen.version, kept.told)'} IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT ${limit}),
noted AS (
  INSERT INTO ${seenOf(view)} (id, version, stamp) SELECT ${id}, version, ${hotBy(view)} FROM changed
  WHERE ${requiredColumns(view)
    .map((column) => `"${column}" IS NOT NULL`)
    .join(' AND ')}
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
)${[...dirtied, ...added].map((cte) => `,\n${cte}`).join('')}
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - ${limit}, 0) AS waiting, ${nulls.join(', ')} FROM changed`
}

/** Lets go of what the next refresh will not read again. */
export const forgetSeen = (view: View): string => `DELETE FROM ${seenOf(view)} WHERE stamp <= :as_of - ${overlap}`

/**
 * Moves the whole past of users who turned internal or back, as far as it has been counted: up to `through`, and what of
 * the overlap was seen. Needs an index on the view's user_id.
 */
export function moveTurned(facts: Facts, through: string | null): string {
  const { view } = facts
  const upTo = through === null ? 'false' : `v.${hotBy(view)} <= ${instant(through)}`
  return `WITH turned AS (DELETE FROM ${turnedOf(view)} RETURNING user_id, is_internal),
fact AS MATERIALIZED (
  SELECT CASE WHEN turned.is_internal THEN -1 ELSE 1 END AS sign, ${columnsOf(view, 'v')}, true AS counted
  FROM turned JOIN "${view}" AS v ON v.user_id = turned.user_id
  WHERE v.${hotBy(view)} <= :as_of
    AND (${upTo} OR EXISTS (SELECT FROM ${seenOf(view)} AS seen WHERE seen.id = v.${idOf(view)}))
),
${cellsAdded(facts.cells, 'fact').join(',\n')}
SELECT count(*) AS moved FROM fact`
}

/** Adds a stretch of a view's past to the facts: rows after `after` up to `through`, both by the view's time column. */
export function addPast(accounts: Accounts, facts: Facts, after: string | null, through: string): string {
  const { view } = facts
  const from = `(SELECT * FROM "${view}" WHERE ${hotBy(view)} <= least(${instant(through)}, :as_of)
    ${after === null ? '' : `AND ${hotBy(view)} > ${instant(after)}`})`
  return `WITH fact AS (${asFacts(accounts, view, from)}),
${cellsAdded(facts.cells, 'fact').join(',\n')}
SELECT`
}

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
