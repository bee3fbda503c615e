import { createHash } from 'node:crypto'
import type { View } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import {
  type Cells,
  type ColumnType,
  cellsOf,
  type Domain,
  dirtyOf,
  type Facts,
  seenOf,
  stateOf,
  turnedOf,
} from './domain.ts'
import { type Accounts, readFeed } from './feeds.ts'
import type { Inputs } from './figure.ts'
import type { Part } from './parts.ts'
import { bind } from './run-figure.ts'
import type { ViewInspection } from './source-contract.ts'
import { dirtyEntities, recompute } from './states.ts'
import { idOf } from './sums.ts'

type Inspections = Readonly<Record<View, ViewInspection>>

/** What a part's contents follow from: its statements, the settings they ask for, and the types of the ids. */
export function definitionOf(part: Part, inputs: Inputs, views: Inspections, accounts: Accounts): string {
  const text =
    part.kind === 'feed'
      ? readFeed({
          ...{ accounts, view: part.view, facts: part.facts, rows: part.rows },
          ...{ watermark: '-infinity', domains: [] },
        })
      : recompute(part.domain, dirtyEntities(part.domain))
  // The instant and what is kept as labels are what a refresh has anew each time; no statement here asks for labels.
  const { values } = bind(text, { ...inputs, asOf: '' })
  const tables = part.kind === 'feed' ? feedTables(part.view, part.facts, views) : domainTables(part.domain, views)
  return createHash('sha256')
    .update(JSON.stringify([text, values, tables]))
    .digest('hex')
}

interface Table {
  name: string
  columns: string
  /** Tables whose rows change at each refresh leave room in their pages, so that a change need not touch an index. */
  isBusy?: boolean
  indexes?: readonly string[]
}

function typeOf(type: ColumnType, views: Inspections): string {
  return typeof type === 'string' ? type : (views[type.view].types?.[type.column] ?? 'text')
}

/** The type of a domain's entities. */
function entityType(domain: Domain, views: Inspections): string {
  return typeOf({ view: domain.entity.view, column: domain.entity.id }, views)
}

/** The type of the column that a domain's entities are walked by. */
export function walkedType(domain: Domain, views: Inspections): string {
  return typeOf({ view: domain.entity.view, column: domain.entity.walkedBy ?? domain.entity.id }, views)
}

function cellsTable(cells: Cells): Table {
  const keys = Object.entries(cells.keys).map(([name, { type }]) => ({ name: `"${name}"`, type }))
  if (cells.at !== undefined)
    keys.unshift(
      { name: 'grain', type: 'smallint' },
      { name: 'day', type: 'date' },
      { name: 'hour', type: 'timestamptz' },
    )
  const only = keys.length === 0 ? [{ name: 'only_row', type: 'boolean DEFAULT true' }] : keys
  const columns = [
    ...only.map(({ name, type }) => `${name} ${type} NOT NULL`),
    'n bigint NOT NULL',
    ...Object.keys(cells.amounts ?? {}).map((name) => `${name} numeric NOT NULL`),
    `PRIMARY KEY (${only.map(({ name }) => name).join(', ')})`,
  ]
  return { name: cellsOf(cells), columns: columns.join(', '), isBusy: true }
}

const turnedTable = (name: string, views: Inspections): Table => ({
  name: turnedOf(name),
  columns: `user_id ${typeOf({ view: 'users', column: 'user_id' }, views)} PRIMARY KEY, is_internal boolean NOT NULL`,
})

function feedTables(view: View, facts: Facts | undefined, views: Inspections): Table[] {
  const seen: Table = {
    name: seenOf(view),
    columns: `id ${typeOf({ view, column: idOf(view) }, views)} PRIMARY KEY, version bigint NOT NULL, stamp timestamptz NOT NULL`,
    indexes: ['(stamp)'],
    isBusy: true,
  }
  return facts === undefined ? [seen] : [seen, turnedTable(view, views), ...facts.cells.map(cellsTable)]
}

function domainTables(domain: Domain, views: Inspections): Table[] {
  const type = entityType(domain, views)
  const columns = Object.entries(domain.columns).map(([name, column]) => `${name} ${typeOf(column, views)}`)
  const state: Table = {
    name: stateOf(domain),
    columns: [
      `id ${type} PRIMARY KEY`,
      ...columns,
      'next_at timestamptz',
      ...(domain.rowsOf === undefined ? [] : ['told bigint']),
    ].join(', '),
    indexes: ['(next_at) WHERE next_at IS NOT NULL', ...(domain.indexes ?? [])],
    isBusy: true,
  }
  const dirty: Table = { name: dirtyOf(domain), columns: `id ${type} PRIMARY KEY` }
  const turned = domain.turnedBy === undefined ? [] : [turnedTable(domain.name, views)]
  return [state, dirty, ...turned, ...domain.cells.map(cellsTable)]
}

/** Makes the part's tables anew and empty, and notes that it is to be built: from now on it hears of what changes. */
export async function layOut(
  client: Pick<PoolClient, 'query'>,
  options: { store: string; part: Part; views: Inspections; definition: string; watermark: string },
): Promise<void> {
  const { store, part, views, definition, watermark } = options
  const tables = part.kind === 'feed' ? feedTables(part.view, part.facts, views) : domainTables(part.domain, views)
  for (const { name, columns, isBusy, indexes } of tables) {
    await client.query(`DROP TABLE IF EXISTS ${store}.${name}`)
    const storage = isBusy ? 'WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)' : ''
    await client.query(`CREATE TABLE ${store}.${name} (${columns}) ${storage}`)
    for (const index of indexes ?? []) await client.query(`CREATE INDEX ON ${store}.${name} ${index}`)
  }
  await client.query(
    `INSERT INTO ${store}.rollup_part (name, definition, ready, walked, watermark) VALUES ($1, $2, false, NULL, $3)
     ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, ready = false, walked = NULL,
       watermark = excluded.watermark`,
    [part.name, definition, part.kind === 'feed' ? watermark : null],
  )
}
