import { appendedBy, contract, type View } from '../../catalogue/views.ts'
import { type Domain, dirtyOf, type Facts, lookUp, overlap, type State, seenOf, stateOf, turnedOf } from './domain.ts'
import { requiredColumns } from './source-contract.ts'
import { cellsAdded, columnsOf, hotBy, idOf, instant } from './sums.ts'

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
export const versionOf = (view: View, alias: string): string =>
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
