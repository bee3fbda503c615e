import { columns as described, requiredView, type View } from '../../catalogue/views.ts'
import type { Pool, PoolClient } from '../../lib/postgres.ts'
import { transaction } from '../../lib/postgres.ts'
import { messageOf } from '../../lib/user-error.ts'
import { inspectAccess, type ViewColumn } from './indexes.ts'
import type { ViewReport } from './report.ts'
import { inspectRows } from './rows.ts'

/** What the source contract says of one view of this database, and whether it is still a draft without a table. */
export interface ContractView {
  view: View
  present: boolean
  /** Columns of the contract that are there, with the types the database gives them. */
  columns: readonly ViewColumn[]
  /** What does not fit, one line each. */
  problems: readonly string[]
  /** Collectors that do not run without it, or because of a problem. */
  stops: readonly string[]
}

/** 10 s: a look at the data that takes longer is given up and said so; the planner's answers take milliseconds. */
const lookTimeoutMs = 10_000
/** Values outside an enumeration are looked for in this many of the newest rows: enough to meet one that still occurs. */
const newestRowsMax = 100_000

export interface InspectOptions {
  now: Date
  /** Whether `users` fits the contract, so that the rows of the others can be held against it. */
  withUsers: boolean
}

/** Everything `check` says about one view. Reads, never writes. */
export async function inspectView(
  pool: Pool,
  schema: string,
  contract: ContractView,
  options: InspectOptions,
): Promise<ViewReport> {
  const { view, stops } = contract
  const nothing = { view, stops, rowsEstimated: null, newestRow: null, indexes: [], changesCost: null }
  if (!contract.present) {
    const detail = `${schema}.${view} is not there`
    const required = view === requiredView
    return {
      ...nothing,
      status: required ? 'broken' : 'off',
      problems: [required ? `${detail}; expected it: no figure without it` : detail],
    }
  }
  // A view that does not fit may not even be readable: what is wrong with it has been said.
  const report = await describe(pool, schema, contract, options).catch(
    (error: unknown): ViewReport => ({
      ...nothing,
      status: 'broken',
      problems: [`${schema}.${view}: ${messageOf(error)}`],
    }),
  )
  if (contract.problems.length > 0) return { ...report, status: 'broken', problems: contract.problems }
  return report
}

async function describe(
  pool: Pool,
  schema: string,
  { view, columns, stops, problems: wrong }: ContractView,
  { now, withUsers }: InspectOptions,
): Promise<ViewReport> {
  const quoted = `${schema}.${view}`
  const inTransaction = <Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> =>
    transaction(pool, 'BEGIN READ ONLY', async (client) => {
      await client.query(`SET LOCAL statement_timeout = ${lookTimeoutMs}`)
      return await work(client)
    })
  const access = await inTransaction((client) => inspectAccess(client, quoted, columns, now))
  const time = firstTime(columns)
  const newest = time === undefined ? null : await told(inTransaction((client) => newestRow(client, quoted, time)))
  const problems = newest instanceof Untold ? [`${quoted}: the newest row ${newest.why}`] : []
  for (const [column, { values }] of Object.entries(described[view])) {
    if (values === undefined || time === undefined || columns.every(({ name }) => name !== column)) continue
    const found = await told(inTransaction((client) => strangers(client, quoted, { column, values, time })))
    if (found instanceof Untold) problems.push(`${quoted}.${column}: its values ${found.why}`)
    else if (found.length > 0) problems.push(strangersLine(`${quoted}.${column}`, found, values))
  }
  if (time !== undefined && wrong.length === 0) {
    const names = columns.map(({ name }) => name)
    const found = await told(
      inTransaction((client) => inspectRows(client, { view, schema, columns: names, time, withUsers })),
    )
    if (found instanceof Untold) problems.push(`${quoted}: whether its rows fit ${found.why}`)
    else problems.push(...found)
  }
  const warned = problems.length > 0 || access.indexes.some(({ indexed }) => !indexed)
  return {
    view,
    stops,
    problems,
    status: warned ? 'warning' : 'ok',
    newestRow: newest instanceof Untold ? null : newest,
    ...access,
  }
}

/** The time at which a row of the view came to be: the contract's first. */
function firstTime(columns: readonly ViewColumn[]): string | undefined {
  return columns.find(({ type }) => type === 'timestamp with time zone')?.name
}

async function newestRow(client: PoolClient, view: string, time: string): Promise<string | null> {
  const { rows } = await client.query<{ newest: Date | null }>(`SELECT max(${time}) AS newest FROM ${view}`)
  return rows[0]?.newest?.toISOString() ?? null
}

interface Enumeration {
  column: string
  values: readonly string[]
  time: string
}

/** Up to five values that are none of the contract's, among the newest rows. */
async function strangers(client: PoolClient, view: string, { column, values, time }: Enumeration): Promise<string[]> {
  const { rows } = await client.query<{ value: string }>(
    `SELECT DISTINCT value FROM (SELECT "${column}"::text AS value FROM ${view} ORDER BY ${time} DESC LIMIT ${newestRowsMax}) AS newest
     WHERE value <> ALL ($1) ORDER BY value LIMIT 5`,
    [values],
  )
  return rows.map(({ value }) => value)
}

function strangersLine(column: string, found: readonly string[], values: readonly string[]): string {
  return `${column} has ${found.map((value) => JSON.stringify(value)).join(', ')}; expected one of ${values.join(', ')}`
}

class Untold {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

/** A look that takes too long is no fault of the view: it is told that it could not be told. */
async function told<Result>(look: Promise<Result>): Promise<Result | Untold> {
  try {
    return await look
  } catch (error) {
    const timedOut = error instanceof Error && 'code' in error && error.code === '57014'
    if (timedOut) return new Untold(`could not be told within ${lookTimeoutMs / 1_000} s`)
    throw error
  }
}
