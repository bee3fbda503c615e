import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../../../audit-api/events/event-schema.ts'
import { createPool, type Pool, transaction } from '../../../lib/postgres.ts'
import { type Summary, summarise } from '../statistics.ts'
import type { Service } from './service.ts'

export const batchEvents = 100
export const clients = 8

export interface IngestResult {
  /** Events a second. */
  http: Summary
  bare: Summary
  /** Of each round: HTTP ÷ bare, which stood one after the other and so on the same machine's mood. */
  ratio: Summary
  events: number
}

export interface IngestOptions {
  service: Service
  /** A database of its own with tables of the same definition. */
  bareUrl: string
  batches: number
  rounds: number
  say: (line: string) => void
}

type Event = AuditEvent & { id: string; metadata: Record<string, string> }

/** The same events by HTTP through the service, and by multi-row INSERT into tables of the same definition, in turn. */
export async function measureIngest({ service, bareUrl, batches, rounds, say }: IngestOptions): Promise<IngestResult> {
  const pool = createPool({ connectionString: bareUrl, applicationName: 'bench-bare', connectionsMax: clients })
  const rates = { http: [] as number[], bare: [] as number[], ratio: [] as number[] }
  try {
    for (let round = -1; round < rounds; round++) {
      // What is sent is made before the clock runs; a round in advance warms both up.
      const sides = round % 2 === 0 ? (['http', 'bare'] as const) : (['bare', 'http'] as const)
      for (const side of sides) {
        const rate = side === 'http' ? await byHttp(service, round, batches) : await byInsert(pool, round, batches)
        if (round >= 0) rates[side].push(rate)
      }
      if (round >= 0) rates.ratio.push((rates.http.at(-1) ?? 0) / (rates.bare.at(-1) ?? 0))
      say(`ingest, round ${round + 1}: HTTP ${perSecond(rates.http)}, INSERT ${perSecond(rates.bare)} events a second`)
    }
  } finally {
    await pool.end()
  }
  return {
    http: summarise(rates.http),
    bare: summarise(rates.bare),
    ratio: summarise(rates.ratio),
    events: batches * batchEvents,
  }
}

const perSecond = (rates: readonly number[]): string => (rates.at(-1) ?? 0).toFixed(0)

/** Only what is sent is kept, so that our own collector of garbage has little to look at beside the two. */
const inBatches = <Batch>(round: number, count: number, of: (events: Event[]) => Batch): Batch[] =>
  Array.from({ length: count }, (_, index) => of(makeBatch(round, index)))

async function byHttp(service: Service, round: number, batches: number): Promise<number> {
  const bodies = inBatches(round, batches, (batch) => Buffer.from(JSON.stringify(batch)))
  return await timed(bodies, async (body) => {
    const { status, body: answer } = await service.ask('POST', '/v1/audit/events', body)
    if (status !== 201) throw new Error(`ingest answers ${status}: ${answer.toString()}`)
  })
}

async function byInsert(pool: Pool, round: number, batches: number): Promise<number> {
  const hash = Buffer.alloc(32, 1)
  const prepared = inBatches(round, batches, (batch) => ({
    events: batch.flatMap(columnsOf),
    identities: batch.flatMap((event) => [event.id, hash, event.occurred_at]),
  }))
  return await timed(prepared, async ({ events, identities }) => {
    await transaction(pool, 'BEGIN', async (client) => {
      await client.query({ name: 'identities', text: insertIdentities, values: identities })
      await client.query({ name: 'events', text: insertEvents, values: events })
    })
  })
}

/** Eight at once, each taking the next batch; events a second. */
async function timed<Batch>(batches: readonly Batch[], send: (batch: Batch) => Promise<void>): Promise<number> {
  const left = [...batches]
  const started = performance.now()
  const client = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await send(next)
  }
  await Promise.all(Array.from({ length: clients }, client))
  return (batches.length * batchEvents * 1_000) / (performance.now() - started)
}

const places = (columns: number): string =>
  Array.from(
    { length: batchEvents },
    (_, row) => `(${Array.from({ length: columns }, (__, column) => `$${row * columns + column + 1}`).join(', ')})`,
  ).join(', ')
const insertIdentities = `INSERT INTO barometer_audit.event_identity (id, content_hash, occurred_at) VALUES ${places(3)}`
const insertEvents = `INSERT INTO barometer_audit.event (id, occurred_at, actor_type, actor_id, actor_name, actor_email, action,
  target_type, target_id, target_name, outcome, ip, user_agent, request_id, trace_id, metadata, changes) VALUES ${places(17)}`

function columnsOf(event: Event): unknown[] {
  const { actor, target, context } = event
  return [
    ...[event.id, event.occurred_at, actor.type, actor.id, actor.name, actor.email, event.action],
    ...[target.type, target.id, target.name, event.outcome],
    ...[context?.ip, context?.user_agent, context?.request_id, context?.trace_id],
    ...[JSON.stringify(event.metadata), JSON.stringify(event.changes)],
  ]
}

const verbs = ['update', 'suspend', 'delete']
const nouns = ['user', 'character', 'generation', 'subscription', 'refund']
const start = Date.now()

/** As events are: an hour's, of 300 admins, each with metadata and what was changed. */
function makeBatch(round: number, number: number): Event[] {
  return Array.from({ length: batchEvents }, (_, index) => {
    const seed = (round + 2) * 1_000_003 + number * batchEvents + index
    const noun = nouns[seed % nouns.length] ?? 'user'
    const verb = verbs[seed % verbs.length] ?? 'update'
    const admin = seed % 300
    return {
      id: randomUUID(),
      occurred_at: new Date(start - (seed % 3_600_000)).toISOString(),
      actor: {
        type: 'admin',
        id: `admin-${admin}`,
        name: `Admin Number ${admin}`,
        email: `admin.${admin}@example.com`,
      },
      action: `${noun}.${verb}`,
      target: { type: noun, id: `${noun}-${seed % 1_500_000}`, name: `${noun} ${seed % 1_500_000}` },
      outcome: seed % 25 === 0 ? 'failure' : 'success',
      context: {
        ip: `10.${admin % 200}.${seed % 250}.7`,
        user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36',
        request_id: seed.toString(16).padStart(16, '0'),
        trace_id: randomUUID().replaceAll('-', ''),
      },
      metadata: { reason: `ticket ${seed % 9_973}`, source: 'admin-panel' },
      changes: { before: { status: 'active' }, after: { status: verb } },
    }
  })
}
