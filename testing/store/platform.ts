import { appendedBy, contract, type View, views } from '../../catalogue/views.ts'
import { type Pool, transaction } from '../../lib/postgres.ts'
import type { SchemaName } from '../second-implementation/history.ts'
import { complete, createSchema, insertHistory, type PartialHistory } from '../second-implementation/history.ts'
import { hour, instantOf, microseconds } from '../second-implementation/rules.ts'
import { type MutableView, type Seed, type SeededRow, type SeedValue, type Stamp, type Time, usersMax } from './rows.ts'
import type { Advance, Breakage, Sequence } from './steps.ts'

type Row = Record<string, string | number | boolean | null>

const second = 1_000_000n
const quarter = hour / 4n
const day = 24n * hour
/** Rows may become visible so long after their own time column says, or less. */
const overlap = 2n * hour

const instantColumns = (view: View): string[] =>
  Object.keys(contract[view]).filter((column) => contract[view][column]?.startsWith('instant') === true)

const happenedColumns = (view: View): string[] => instantColumns(view).filter((column) => column !== 'updated_at')

/** The column of a row's own number, which the views show and the contract does not ask for. */
const ownNumber = 'beside the contract'

/**
 * A platform that keeps the rules of the source contract: what was read once comes late by less than the overlap, and what
 * changes says so within it. Its rows are in memory, to choose from, and in the tables of a schema, with views over them.
 */
export class Platform {
  /** Microseconds since 1970. */
  now: bigint
  readonly timezone: string
  private readonly clockChange: bigint
  private readonly rows = Object.fromEntries(views.map((view) => [view, [] as Row[]])) as Record<View, Row[]>
  /** When each view was last read to its end. */
  private readonly lastRead = new Map<View, bigint>()
  private readonly pool: Pool
  private readonly schema: SchemaName

  constructor(pool: Pool, schema: SchemaName, sequence: Omit<Sequence, 'steps'>) {
    this.pool = pool
    this.schema = schema
    this.timezone = sequence.timezone
    this.clockChange = microseconds(sequence.clockChange)
    this.now = this.clockChange + BigInt(sequence.quarters) * quarter
  }

  /** Writes rows, in the order in which they are given; says what it wrote. */
  async insert(seeded: readonly SeededRow[]): Promise<string[]> {
    const written: Partial<Record<View, Row[]>> = {}
    const lines = seeded.flatMap(({ view, seed }) => {
      if (view === 'users' && this.rows.users.length >= usersMax) return []
      const number = this.rows[view].length + 1
      const row = { ...this.resolve(view, seed, undefined), [ownNumber]: number }
      this.rows[view].push(row)
      written[view] = [...(written[view] ?? []), { ...row, [idOf(view)]: number }]
      return [`insert ${view} ${number} ${shown(row)}`]
    })
    await this.write(written)
    return lines
  }

  /** Changes rows; says what it changed. */
  async change(changes: readonly { view: MutableView; place: number; sets: Seed }[]): Promise<string[]> {
    const written: Partial<Record<View, Map<number, Row>>> = {}
    const lines = changes.flatMap(({ view, place, sets }) => {
      const all = this.rows[view]
      const index = place % Math.max(1, all.length)
      const before = all[index]
      if (before === undefined) return []
      const set = this.resolve(view, sets, before)
      const row = { ...before, ...set }
      all[index] = row
      written[view] ??= new Map()
      written[view].set(index + 1, { ...row, [idOf(view)]: index + 1 })
      return [`change ${view} ${index + 1} ${shown(set)}`]
    })
    const entries = Object.entries(written).map(([view, rows]) => [view, [...rows.values()]])
    await this.write(Object.fromEntries(entries))
    return lines
  }

  /** Writes all rows of a view again as they are, now; says so. */
  async touch(view: MutableView): Promise<string[]> {
    const updatedAt = instantOf(this.now)
    this.rows[view] = this.rows[view].map((row) => ({ ...row, updated_at: updatedAt }))
    await this.write({ [view]: this.rows[view].map((row, index) => ({ ...row, [idOf(view)]: index + 1 })) })
    return [`touch all ${view} at ${updatedAt}`]
  }

  private async write(written: Partial<Record<View, readonly Row[]>>): Promise<void> {
    await transaction(this.pool, 'BEGIN', async (client) => {
      await client.query(`SET LOCAL search_path = ${this.schema}`)
      for (const [view, rows] of Object.entries(written))
        await client.query(`DELETE FROM ${view} WHERE "${ownNumber}" = ANY ($1)`, [rows.map((row) => row[ownNumber])])
      await insertHistory(client, this.schema, complete(written as PartialHistory))
    })
  }

  private resolve(view: View, seed: Seed, before: Row | undefined): Row {
    const userOfRow = before?.user_id ?? seed.user_id
    const user = typeof userOfRow === 'number' ? this.rows.users[userOfRow - 1] : undefined
    const entries = Object.entries(seed).map(([column, value]) => {
      const last = this.rows[view].at(-1)?.[column]
      const context = { view, column, user: before && view === 'users' ? before : user, last: last ?? null }
      return [column, this.resolveValue(value, { ...context, before })] as const
    })
    return Object.fromEntries(entries)
  }

  private resolveValue(value: SeedValue, context: ValueContext): Row[string] {
    if (value === null || typeof value !== 'object') return value
    if ('stamp' in value) return instantOf(this.stamp(value, context))
    const instant = this.instant(value, context)
    return instantOf(appendedBy[context.view] === context.column ? this.notTooLate(context.view, instant) : instant)
  }

  private instant(time: Time, { user, last, view }: ValueContext): bigint {
    const onGrid = (this.now / quarter) * quarter
    switch (time.time) {
      case 'now':
        return this.now
      case 'overlap':
        return this.lastRead.get(view) ?? this.now
      case 'earliest':
        return (this.earliest(view) ?? this.now - overlap) + 1n
      case 'back':
        return this.now - BigInt(time.n) * second
      case 'ahead':
        return this.now + BigInt(time.n) * second
      case 'hourBack':
        return (this.now / hour - BigInt(time.n)) * hour
      case 'gridBack':
        return onGrid - BigInt(time.n) * quarter + BigInt(time.by)
      case 'gridAhead':
        return onGrid + BigInt(time.n) * quarter + BigInt(time.by)
      case 'window':
        return this.now - BigInt(time.n) * hour + BigInt(time.by)
      case 'same':
        return typeof last === 'string' ? microseconds(last) : this.now
      case 'life':
        return user === undefined
          ? this.now
          : microseconds(user.created_at as string) + BigInt(time.n) * day + BigInt(time.by)
    }
  }

  private stamp(stamp: Stamp, { view, before }: ValueContext): bigint {
    const earliest = this.earliest(view) ?? this.now - 30n * day
    const wanted = {
      now: () => this.now,
      same: () => (before === undefined ? this.now : microseconds(before.updated_at as string)),
      lastRead: () => this.lastRead.get(view) ?? this.now,
      earliest: () => earliest + 1n,
      back: () => this.now - ('n' in stamp ? BigInt(stamp.n) * second : 0n),
    }[stamp.stamp]()
    return this.notTooLate(view, wanted)
  }

  /** Up to here everything was read; what comes now has to be after it. */
  private earliest(view: View): bigint | undefined {
    const lastRead = this.lastRead.get(view)
    return lastRead === undefined ? undefined : lastRead - overlap
  }

  private notTooLate(view: View, instant: bigint): bigint {
    const earliest = this.earliest(view)
    if (earliest === undefined || instant > earliest) return instant
    // Somewhere in the overlap, by the instant that was asked for.
    const into = ((instant % overlap) + overlap) % overlap
    return this.now < earliest + 1n + into ? this.now : earliest + 1n + into
  }

  /** A refresh has read these views, or may have. */
  wasRead(good: Iterable<View>, at = this.now): void {
    for (const view of good) this.lastRead.set(view, at)
  }

  advance(by: Advance): string {
    const target = this.targetOf(by)
    // Where the instant asked for has passed, or is further than anything waits.
    const isUseful = target > this.now && target < this.now + 45n * day
    this.now = isUseful ? target : this.now + 60n * second
    return `advance to ${instantOf(this.now)}${isUseful ? ` (${by.to}${'view' in by ? ` of ${by.view}` : ''})` : ''}`
  }

  private targetOf(by: Advance): bigint {
    switch (by.to) {
      case 'midnight':
        return nextMidnight(this.now, this.timezone) + BigInt(by.by)
      case 'clockChange':
        return this.clockChange + BigInt(by.by)
      case 'edge':
        return this.edge(by) + BigInt(by.by)
      default:
        return this.now + BigInt(by.n) * { seconds: second, minutes: 60n * second, hours: hour, days: day }[by.to]
    }
  }

  /** Of the edges that are ahead of the view's rows, or else of all, one of the next or of the last. */
  private edge({ view, hours, place }: Advance & { to: 'edge' }): bigint {
    const ahead = (of: readonly View[]): bigint[] => {
      const instants = of.flatMap((one) =>
        this.rows[one].flatMap((row) => happenedColumns(one).map((column) => row[column])),
      )
      const edges = instants.flatMap((at) => (typeof at === 'string' ? [microseconds(at) + BigInt(hours) * hour] : []))
      return edges.filter((at) => at > this.now).sort((one, other) => (one < other ? -1 : 1))
    }
    const own = ahead([view])
    const edges = own.length > 0 ? own : ahead(views)
    return edges.at(place % Math.max(1, edges.length)) ?? this.now
  }

  /** Makes a user internal, or nobody internal; says so. */
  async turn(place: number, stamp: Stamp): Promise<string[]> {
    const user = this.rows.users[place % Math.max(1, this.rows.users.length)]
    const sets = { is_internal: user?.is_internal !== true, updated_at: stamp }
    return await this.change([{ view: 'users', place, sets }])
  }
}

interface ValueContext {
  view: View
  column: string
  user: Row | undefined
  /** What the row before it in the view has in this column. */
  last: Row[string]
  /** The row that is changed. */
  before: Row | undefined
}

const idOf = (view: View): string => Object.keys(contract[view])[0] as string

const shown = (row: Row): string =>
  JSON.stringify(Object.fromEntries(Object.entries(row).filter(([column]) => column !== ownNumber)))

function nextMidnight(now: bigint, timeZone: string): bigint {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' })
  const dateOf = (instant: bigint) => format.format(Number(instant / 1_000n))
  const today = dateOf(now)
  let instant = (now / quarter + 1n) * quarter
  while (dateOf(instant) === today) instant += quarter
  return instant
}

/** The schema of the views, which stand over the tables of another one. */
export const viewsSchema = 'source'

/** The tables, and the views over them. */
export async function createTables(pool: Pool, schema: SchemaName): Promise<void> {
  await createSchema(pool, schema)
  await pool.query(`CREATE FUNCTION ${schema}.fail() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN RAISE 'the view fails'; END $$`)
  await pool.query(`CREATE SCHEMA ${viewsSchema}`)
  for (const view of views) await layView(pool, schema, view)
}

/** Makes the view as it should be, or breaks it. */
export async function layView(pool: Pool, schema: SchemaName, view: View, how?: Breakage): Promise<void> {
  const drop = `DROP VIEW IF EXISTS ${viewsSchema}.${view}`
  await pool.query(how === 'missing' ? drop : `${drop}; ${viewSql(schema, view, how)}`)
}

function viewSql(schema: SchemaName, view: View, how?: Breakage): string {
  const wrong = instantColumns(view)[0]
  const columns = [...Object.keys(contract[view]), ownNumber].map((column) =>
    how === 'of a wrong type' && column === wrong ? `"${column}"::text AS "${column}"` : `"${column}"`,
  )
  return `CREATE VIEW ${viewsSchema}.${view} AS SELECT ${columns.join(', ')} FROM ${schema}.${view}
    ${how === 'failing' ? `WHERE ${schema}.fail()` : ''}`
}
