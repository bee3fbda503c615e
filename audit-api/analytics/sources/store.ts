import { type CalendarUnit, calendarUnits } from '../../../catalogue/windows.ts'
import { type Pool, type PoolClient, transaction } from '../../../lib/postgres.ts'
import { messageOf } from '../../../lib/user-error.ts'
import { Problem } from '../../http/problem.ts'
import { type Figures, readFigures } from './figures.ts'

/**
 * One state of the store for the whole answer. 10 s: sums take milliseconds; what is read from the views (distinct users,
 * cohorts, quantiles) takes seconds over months of a large platform, and a longer range is the client's to narrow.
 */
const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 10000'
const iso = (instant: string) => `to_char(${instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

export const periods = calendarUnits
export type Period = CalendarUnit

/** Where a bucket lies; the first and the last are cut by the range. */
export interface Bucket {
  /** Its first local day. */
  period: string
  from: string
  to: string
  /** Whether it is whole: inside the range, and over. */
  complete: boolean
}

export interface Asked {
  period: Period
  from: string | undefined
  to: string | undefined
}

export interface Range {
  from: string
  to: string
}

export type Filters = Readonly<Record<string, string | readonly string[]>>

/** The functions `analytics_…` that the exporter makes in its schema; they are all that is known of it here. */
export interface StoreReading {
  /** The instant of the figures. */
  asOf: string
  /** In which a day, a week and a month begin. */
  timezone: string
  /** What is now, as `/metrics` shows it. */
  figures(): Promise<Figures>
  /** @throws {Problem} 400 where there are too many */
  buckets(asked: Asked): Promise<Bucket[]>
  /** Rows of a function over a range; `bucket` is the period's first day, null for `all`. */
  sums<Row>(name: string, over: { period: Period | 'all'; range: Range; filters?: Filters }): Promise<Row[]>
}

export interface AnalyticsStore {
  /** @throws {Problem} 503 that says what to set, or what to wait for */
  read<Result>(work: (reading: StoreReading) => Promise<Result>): Promise<Result>
}

export interface StoreOptions {
  /** None where DATABASE_URL is not set. */
  pool: Pool | undefined
  /** The exporter's schema. */
  schema: string
  /** How old the last good figures of a failing collector may be. */
  staleAfterMs: number
}

export function createAnalyticsStore({ pool, schema, staleAfterMs }: StoreOptions): AnalyticsStore {
  return {
    read: async (work) => {
      if (pool === undefined)
        throw new Problem(503, 'DATABASE_URL is not set; expected the database of the exporter, for the analytics')
      try {
        return await transaction(pool, begin, async (client) => work(await openReading(client, schema, staleAfterMs)))
      } catch (error) {
        throw problemOfStore(error, schema) ?? error
      }
    },
  }
}

/** 1,200: more than three years of days. */
const bucketsMax = 1_200

async function openReading(client: PoolClient, schema: string, staleAfterMs: number): Promise<StoreReading> {
  const { rows } = await client.query<{ as_of: string; timezone: string }>(
    `SELECT ${iso('as_of')} AS as_of, timezone FROM ${schema}.analytics_state()`,
  )
  const state = rows[0]
  if (state === undefined) throw new Error(`${schema}.analytics_state() is empty; expected one row`)
  return {
    asOf: state.as_of,
    timezone: state.timezone,
    figures: async () => {
      const snapshots = await client.query<{ as_of: Date; payload: Buffer }>(
        `SELECT as_of, payload FROM ${schema}.analytics_snapshot()`,
      )
      return await readFigures(snapshots.rows[0], staleAfterMs)
    },
    buckets: async ({ period, from, to }) => {
      const found = await client.query<Bucket>(
        `SELECT bucket::text AS period, ${iso('begins_at')} AS from, ${iso('ends_at')} AS to, complete
         FROM ${schema}.analytics_buckets($1, $2, $3)`,
        [period, from ?? null, to ?? null],
      )
      if (found.rows.length > bucketsMax)
        throw new Problem(
          400,
          `period gives more than ${bucketsMax} rows; expected a shorter range or a longer period`,
          {
            field: 'period',
          },
        )
      return found.rows
    },
    sums: async <Row>(name: string, { period, range, filters }: Parameters<StoreReading['sums']>[1]) => {
      const found = await client.query({
        text: `SELECT * FROM ${schema}.analytics_${name}($1, $2, $3, $4)`,
        values: [period, range.from, range.to, JSON.stringify(filters ?? {})],
        types: asText,
      })
      return found.rows as Row[]
    },
  }
}

/** Dates stay texts: as a Date of JavaScript, a local day would be an instant of this process's zone. */
const asText = { getTypeParser: () => (value: string | Buffer) => value }

const retryLater = { headers: { 'retry-after': '10' } }

function problemOfStore(error: unknown, schema: string): Problem | undefined {
  const { code } = error as { code?: string }
  // Raised by the functions themselves, with the parts that are missing.
  if (code === '55000') return new Problem(503, `the figures are not there yet: ${messageOf(error)}`, retryLater)
  if (code === '42883' || code === '3F000' || code === '42P01')
    return new Problem(
      503,
      `the schema ${schema} has no analytics; expected STORE_SCHEMA to be the exporter's, and the exporter of this version to have run`,
      retryLater,
    )
  if (code === '42501' || code === '28P01' || code === '28000' || code === '3D000')
    return new Problem(
      503,
      'DATABASE_URL may not read the analytics; expected the role barometer_audit, which the exporter lets call them',
      retryLater,
    )
  return undefined
}
