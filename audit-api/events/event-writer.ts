import { DatabaseError } from 'pg'
import { type Pool, transaction } from '../../lib/postgres.ts'
import type { AuditEvent } from './event-schema.ts'

/** 10 s: a batch of 1,000 takes tens of milliseconds; what takes longer waits for something that will not come. */
const begin = `BEGIN;
  SET LOCAL statement_timeout = 10000;
  SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`

type Value = string | undefined

/** Each column with its type and what an event has for it. Postgres takes a list for each in less time than rows of JSON. */
const columnsOf: Readonly<Record<string, readonly [type: string, of: (event: EventWithId) => Value]>> = {
  id: ['uuid', ({ id }) => id],
  occurred_at: ['timestamptz', ({ occurred_at: occurredAt }) => occurredAt],
  actor_type: ['text', ({ actor }) => actor.type],
  actor_id: ['text', ({ actor }) => actor.id],
  actor_name: ['text', ({ actor }) => actor.name],
  actor_email: ['text', ({ actor }) => actor.email],
  action: ['text', ({ action }) => action],
  target_type: ['text', ({ target }) => target.type],
  target_id: ['text', ({ target }) => target.id],
  target_name: ['text', ({ target }) => target.name],
  outcome: ['text', ({ outcome }) => outcome],
  ip: ['text', ({ context }) => context?.ip],
  user_agent: ['text', ({ context }) => context?.user_agent],
  request_id: ['text', ({ context }) => context?.request_id],
  trace_id: ['text', ({ context }) => context?.trace_id],
  metadata: ['jsonb', ({ metadata }) => json(metadata)],
  changes: ['jsonb', ({ changes }) => json(changes)],
}
const json = (value: unknown): Value => (value === undefined ? undefined : JSON.stringify(value))
const valuesOf = (events: readonly EventWithId[]): (string | Value[])[] =>
  Object.values(columnsOf).map(([type, of]) => asList(type, events.map(of)))

/** As Postgres reads a list; what is not plain is left to the driver, value by value. */
function asList(type: string, values: Value[]): string | Value[] {
  // JSON has no bare control characters, so as a string of JSON it has the two escapes of a list and no others.
  if (type === 'jsonb')
    return `{${values.map((value) => (value === undefined ? 'NULL' : JSON.stringify(value))).join()}}`
  const isPlain = values.every((value) => value !== undefined && !value.includes('"') && !value.includes('\\'))
  return isPlain ? `{"${values.join('","')}"}` : values
}

const columns = Object.keys(columnsOf).join(', ')
const lists = Object.values(columnsOf).map(([type], index) => `$${index + 1}::${type}[]`)

// Identities go in by order of id, so that two batches which share ids wait for one another instead of locking each other out.
const given = `
  WITH given AS MATERIALIZED (
    SELECT e.*, barometer_audit.content_hash(
      e.occurred_at, e.actor_type, e.actor_id, e.actor_name, e.actor_email, e.action, e.target_type, e.target_id,
      e.target_name, e.outcome, e.ip, e.user_agent, e.request_id, e.trace_id, e.metadata, e.changes) AS content_hash
    FROM unnest(${lists.join(', ')}) AS e (${columns})
  )`

const addIdentities = (where = '') => `INSERT INTO barometer_audit.event_identity (id, content_hash, occurred_at)
    SELECT id, content_hash, occurred_at FROM given ${where} ORDER BY id`

/**
 * As nearly every batch is: no id was there before, or this fails as a whole. It is a transaction of its own, in one round
 * trip instead of three, and makes its own commit durable whatever the database's default is.
 * What no part of a statement reads is done at its end: the events come behind their identities here too.
 */
const insertNewEvents = `${given}, stored AS (
    INSERT INTO barometer_audit.event (${columns}) SELECT ${columns} FROM given
  ), durable AS MATERIALIZED (
    SELECT CASE current_setting('synchronous_commit')
      WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END AS made
  )
  ${addIdentities("WHERE (SELECT made FROM durable) IS DISTINCT FROM 'off'")}`

// An identity that is there already (whoever commits first has it) drops its event.
const insertEvents = `${given}, added AS (
    ${addIdentities()}
    ON CONFLICT (id) DO NOTHING
    RETURNING id
  ), stored AS (
    INSERT INTO barometer_audit.event (${columns}) SELECT ${columns} FROM given JOIN added USING (id)
  )
  SELECT id, encode(content_hash, 'hex') AS content_hash FROM given WHERE id NOT IN (SELECT id FROM added)`

// A statement of its own, so that it sees what another transaction committed while the insert waited for it.
const findConflicts = `
  SELECT identity.id
  FROM unnest($1::uuid[], $2::text[]) AS given (id, content_hash)
  JOIN barometer_audit.event_identity AS identity USING (id)
  WHERE encode(identity.content_hash, 'hex') <> given.content_hash`

export type EventWithId = AuditEvent & { id: string }

export class IdConflict extends Error {
  override readonly name = 'IdConflict'
  readonly ids: readonly string[]

  constructor(ids: readonly string[]) {
    super(`${ids.length} ids are taken by events of other content`)
    this.ids = ids
  }
}

/** What is kept of events while they wait for the database: a tenth of the objects, which V8 would copy at each of its looks. */
interface Batch {
  count: number
  /** `2026-03` */
  months: ReadonlySet<string>
  values: (string | Value[])[]
}

const batchOf = (events: readonly EventWithId[]): Batch => ({
  count: events.length,
  months: new Set(events.map((event) => event.occurred_at.slice(0, 7))),
  values: valuesOf(events),
})

export interface EventWriter {
  /**
   * Stores all events or none; resolves after the commit. Ids must differ within the batch. The events are read before it
   * returns, and not kept.
   * @returns how many were new; the others were there with the same content.
   * @throws {IdConflict} where an id is taken by other content.
   */
  insert(events: readonly EventWithId[]): Promise<{ stored: number }>
  /** Makes the partitions of this month and the next ones. */
  ensureMonthsAhead(): Promise<void>
}

export function createEventWriter(pool: Pool): EventWriter {
  // Months known to have their partition: looked up once in the life of the process.
  const knownMonths = new Set<string>()

  async function ensureMonths(months: ReadonlySet<string>): Promise<void> {
    for (const month of months) {
      if (knownMonths.has(month)) continue
      await transaction(pool, begin, (client) =>
        client.query('SELECT barometer_audit.ensure_month($1)', [`${month}-01T00:00:00Z`]),
      )
      knownMonths.add(month)
    }
  }

  const insert = async ({ count, months, values }: Batch): Promise<{ stored: number }> => {
    await ensureMonths(months)
    try {
      await pool.query({ name: 'insert-new-events', text: insertNewEvents, values })
      return { stored: count }
    } catch (error) {
      if (!isTakenId(error)) throw error
    }
    return await transaction(pool, begin, async (client) => {
      const dropped = await client.query<{ id: string; content_hash: string }>({
        name: 'insert-events',
        text: insertEvents,
        values,
      })
      if (dropped.rows.length === 0) return { stored: count }
      const ids = dropped.rows.map((row) => row.id)
      const hashes = dropped.rows.map((row) => row.content_hash)
      const conflicts = await client.query<{ id: string }>(findConflicts, [ids, hashes])
      if (conflicts.rows.length > 0) throw new IdConflict(conflicts.rows.map((row) => row.id))
      return { stored: count - ids.length }
    })
  }

  const insertAnew = async (batch: Batch): Promise<{ stored: number }> => {
    try {
      return await insert(batch)
    } catch (error) {
      if (!isWithoutPartition(error)) throw error
      // Retention has taken the month out since it was looked up; a late event makes it anew.
      knownMonths.clear()
      return await insert(batch)
    }
  }

  return {
    insert: (events) => insertAnew(batchOf(events)),
    ensureMonthsAhead: async () => {
      await transaction(pool, begin, (client) => client.query('SELECT barometer_audit.ensure_months_ahead()'))
    },
  }
}

/** A check violation that names no check: the row fits no partition. */
function isWithoutPartition(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23514' && error.constraint === undefined
}

/** unique_violation: an id is there already. */
function isTakenId(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23505'
}
