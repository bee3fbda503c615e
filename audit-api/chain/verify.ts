import { setTimeout as sleep } from 'node:timers/promises'
import { type Pool, transaction } from '../../lib/postgres.ts'
import {
  type BatchRow,
  batchesSql,
  batchOfSequenceSql,
  beginVerify,
  eventsSql,
  headSql,
  identitiesSql,
  judgeSql,
  placesBehindSql,
  unrecordedErasuresSql,
  unrecordedMonthsSql,
} from './verify-sql.ts'

/** The first thing that is not as it was. */
export interface Finding {
  kind: 'changed' | 'removed' | 'inserted'
  /** What it befell: an event, its identity, its place in the chain, or a batch of the chain. */
  what: 'event' | 'identity' | 'place' | 'batch'
  sequence?: number
  /** The event's id. */
  id?: string
  batch?: number
  detail: string
}

/** A moment of the chain, as it is logged, shown and anchored. */
export interface Head {
  batch: number
  sequence: number
  chainHash: string
}

export interface Anchor extends Head {
  /** Where it was found. */
  key: string
}

export interface VerifyOptions {
  /** The first place to look at; 1 unless given. */
  fromSequence?: number
  /** Also looks for events and identities that no place covers: a walk over all of them. */
  whole: boolean
  anchors?: readonly Anchor[]
  /** Stops between two steps when this much time has gone; `complete` is false then. */
  budgetMs?: number
  /** Of one step, which takes under a second; 60 s unless given. */
  statementTimeoutMs?: number
  /** Between two steps, for a verification that must not take the machine: 1 rests as long as a step took. */
  restRatio?: number
  onProgress?: (progress: VerifyProgress) => void
  signal?: AbortSignal
}

export interface VerifyProgress {
  part: 'chain' | 'identities' | 'events'
  rows: number
  /** Of the chain's part: how many rows there are. */
  total?: number
}

export interface Verification {
  valid: boolean
  /** Whether all that was asked for was looked at; also false where a finding ended it. */
  complete: boolean
  whole: boolean
  firstSequence: number
  /** The last place that was looked at. */
  lastSequence: number
  /** The head when it began; undefined where nothing was sealed yet. */
  head: Head | undefined
  anchorsCompared: number
  finding: Finding | undefined
}

/** 10,000 rows are about 0.3 s of one connection; and each batch of a step looks at each row of it once. */
const stepRowsMax = 10_000
const stepProductMax = 1_000_000

/**
 * Walks the chain from its beginning or from a place to the head as it was at the start, in steps of some thousand rows,
 * each a transaction of its own, so that no snapshot is held and memory is that of a step. Ends at the first finding.
 * @param pool as a role that may read the log
 */
export async function verifyChain(pool: Pool, options: VerifyOptions): Promise<Verification> {
  const walk = createWalk(pool, options)
  const [row] = await walk.query<HeadRow>(headSql, [])
  const head = row === undefined ? undefined : headOf(row)
  const from = options.fromSequence ?? 1
  const result: Verification = {
    valid: true,
    complete: true,
    whole: options.whole,
    firstSequence: from,
    lastSequence: from - 1,
    head,
    anchorsCompared: options.anchors?.length ?? 0,
    finding: undefined,
  }
  const found = (finding: Finding | undefined): boolean => {
    if (finding === undefined) return false
    Object.assign(result, { finding, valid: false, complete: false })
    return true
  }
  if (found(await compareAnchors(walk, options.anchors ?? [], head))) return result
  if (head === undefined) return result
  const chain = await walkChain(walk, from, head, options)
  result.lastSequence = chain.lastSequence
  if (found(chain.finding)) return result
  if (chain.lastSequence < head.sequence) return { ...result, complete: false }
  if (options.whole && row?.sealed_snapshot != null) {
    const steps = [
      () => lookAtMonths(walk),
      () => lookAtErasures(walk),
      () => walkIdentities(walk, row.sealed_snapshot ?? '', options),
      () => walkEvents(walk, options),
    ]
    for (const step of steps) {
      const { finding, complete } = await step()
      if (found(finding)) return result
      if (!complete) return { ...result, complete: false }
    }
  }
  return result
}

interface HeadRow {
  number: string
  last_sequence: string
  chain_hash: string
  sealed_snapshot: string | null
}

const headOf = (row: HeadRow): Head => ({
  batch: Number(row.number),
  sequence: Number(row.last_sequence),
  chainHash: row.chain_hash,
})

interface Walk {
  query<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]>
  /** Rests as asked, and says whether there is time for one more step. */
  goOn(): Promise<boolean>
}

function createWalk(pool: Pool, options: VerifyOptions): Walk {
  const { budgetMs, restRatio = 0, statementTimeoutMs = 60_000, signal } = options
  const begin = beginVerify(statementTimeoutMs)
  const began = performance.now()
  let worked = 0
  return {
    query: async <Row extends object>(text: string, values: readonly unknown[]) => {
      signal?.throwIfAborted()
      const started = performance.now()
      const { rows } = await transaction(pool, begin, (client) => client.query<Row>(text, [...values]))
      worked += performance.now() - started
      return rows
    },
    goOn: async () => {
      if (restRatio > 0) await sleep(worked * restRatio, undefined, signal === undefined ? {} : { signal })
      worked = 0
      return budgetMs === undefined || performance.now() - began < budgetMs
    },
  }
}

/** An anchor that the chain does not hold: its end was cut off, or it was written anew. */
async function compareAnchors(
  walk: Walk,
  anchors: readonly Anchor[],
  head: Head | undefined,
): Promise<Finding | undefined> {
  for (const anchor of [...anchors].sort((one, other) => one.batch - other.batch)) {
    const [row] = await walk.query<HeadRow>(
      `SELECT number, last_sequence, encode(chain_hash, 'hex') AS chain_hash FROM barometer_audit.seal_batch WHERE number = $1`,
      [anchor.batch],
    )
    const at = { batch: anchor.batch, sequence: anchor.sequence, what: 'batch' } as const
    if (row === undefined) {
      const end = head === undefined ? 'has no batch' : `ends at sequence ${head.sequence}`
      return {
        ...at,
        kind: 'removed',
        detail: `the anchor ${anchor.key} has sequence ${anchor.sequence}; the chain ${end}`,
      }
    }
    if (row.chain_hash !== anchor.chainHash || Number(row.last_sequence) !== anchor.sequence) {
      return {
        ...at,
        kind: 'changed',
        detail: `the chain up to sequence ${anchor.sequence} is not that of the anchor ${anchor.key}`,
      }
    }
  }
  return undefined
}

interface ChainWalked {
  lastSequence: number
  finding: Finding | undefined
}

async function walkChain(walk: Walk, from: number, head: Head, options: VerifyOptions): Promise<ChainWalked> {
  const [first] = await walk.query<{ number: string }>(batchOfSequenceSql, [from])
  let next = from <= 1 ? 1 : Number(first?.number ?? head.batch + 1)
  let lastSequence = from - 1
  while (next <= head.batch) {
    const batches = await walk.query<{ number: string; first_sequence: string; last_sequence: string }>(batchesSql, [
      next,
      head.batch,
    ])
    const step = stepOf(batches)
    const [begin, end] = [step[0], step.at(-1)]
    if (begin === undefined || end === undefined) return { lastSequence, finding: removedBatch(next) }
    if (Number(begin.number) !== next) return { lastSequence, finding: removedBatch(next) }
    const judged = await walk.query<BatchRow>(judgeSql, [
      begin.number,
      end.number,
      begin.first_sequence,
      end.last_sequence,
    ])
    for (const batch of judged) {
      const finding = findingOf(batch, next)
      if (finding !== undefined) return { lastSequence, finding }
      next = Number(batch.number) + 1
      lastSequence = Number(batch.last_sequence)
    }
    options.onProgress?.({ part: 'chain', rows: lastSequence, total: head.sequence })
    if (!(await walk.goOn()) && next <= head.batch) return { lastSequence, finding: undefined }
  }
  const [behind] = await walk.query<{ sequence: string; id: string }>(placesBehindSql, [head.sequence])
  // The sealer may have gone on since: then there are batches for what is behind.
  const [now] = behind === undefined ? [] : await walk.query<HeadRow>(headSql, [])
  if (behind === undefined || now === undefined || Number(now.number) > head.batch)
    return { lastSequence, finding: undefined }
  const sequence = Number(behind.sequence)
  const detail = `sequence ${sequence} lies behind the head, ${head.sequence}`
  return { lastSequence, finding: { kind: 'inserted', what: 'place', sequence, id: behind.id, detail } }
}

/** As many batches as make one step; one at least. */
function stepOf<Batch extends { first_sequence: string; last_sequence: string }>(batches: readonly Batch[]): Batch[] {
  const step: Batch[] = []
  let rows = 0
  for (const batch of batches) {
    rows += Math.max(Number(batch.last_sequence) - Number(batch.first_sequence) + 1, 0)
    if (step.length > 0 && (rows > stepRowsMax || rows * (step.length + 1) > stepProductMax)) break
    step.push(batch)
  }
  return step
}

const removedBatch = (batch: number): Finding => ({
  kind: 'removed',
  what: 'batch',
  batch,
  detail: `batch ${batch} is not there`,
})

function findingOf(row: BatchRow, expected: number): Finding | undefined {
  const batch = Number(row.number)
  if (batch !== expected) return removedBatch(expected)
  const whole = `sequences ${row.first_sequence} to ${row.last_sequence}`
  const changed = (detail: string): Finding => ({
    kind: 'changed',
    what: 'batch',
    batch,
    sequence: Number(row.first_sequence),
    detail,
  })
  if (!row.follows) return changed(`batch ${batch} does not begin where the one before ends`)
  if (!row.chain_holds) return changed(`batch ${batch} (${whole}) does not follow from the one before by its hash`)
  const missing = row.missing_sequence === null ? undefined : Number(row.missing_sequence)
  if (row.sequence !== null && row.id !== null && (missing === undefined || Number(row.sequence) < missing)) {
    return findingOfRow(row.kind ?? '', Number(row.sequence), row.id, batch)
  }
  if (missing !== undefined) {
    return { kind: 'removed', what: 'place', sequence: missing, batch, detail: `sequence ${missing} has no place` }
  }
  return row.rows_hold
    ? undefined
    : changed(`a place of batch ${batch} (${whole}) was changed together with what it stands for`)
}

function findingOfRow(found: string, sequence: number, id: string, batch: number): Finding {
  const removed = found.endsWith('removed')
  const what = found.startsWith('identity') ? 'identity' : 'event'
  const thing = found.replace(/ (removed|changed)$/, '')
  const detail = removed
    ? `the ${thing} of sequence ${sequence} is not there`
    : `the ${thing} of sequence ${sequence} is not what was sealed`
  return { kind: removed ? 'removed' : 'changed', what, sequence, id, batch, detail }
}

interface Walked {
  finding: Finding | undefined
  complete: boolean
}

/** Whoever says that a month was taken out must have said so in the log, whose events are sealed. */
async function lookAtMonths(walk: Walk): Promise<Walked> {
  const [found] = await walk.query<{ month: string; first_sequence: string }>(unrecordedMonthsSql, [])
  if (found === undefined) return { finding: undefined, complete: true }
  const detail = `the month ${found.month.slice(0, 7)} is said to be taken out, and no event audit.archive records it`
  return {
    finding: { kind: 'removed', what: 'event', sequence: Number(found.first_sequence), detail },
    complete: false,
  }
}

/** The same of what was taken out of events at a person's wish. */
async function lookAtErasures(walk: Walk): Promise<Walked> {
  const [found] = await walk.query<{ id: string }>(unrecordedErasuresSql, [])
  if (found === undefined) return { finding: undefined, complete: true }
  const detail = `the event ${found.id} is said to be erased, and no event audit.erase records it`
  return { finding: { kind: 'changed', what: 'event', id: found.id, detail }, complete: false }
}

const pageRows = 20_000
const firstId = '00000000-0000-0000-0000-000000000000'

async function walkIdentities(walk: Walk, sealedSnapshot: string, options: VerifyOptions): Promise<Walked> {
  let [xact, id] = ['0', firstId]
  for (let rows = 0; ; ) {
    const [last] = await walk.query<{ xact: string; id: string; rows: number; bad_id: string | null }>(identitiesSql, [
      ...[xact, id, sealedSnapshot, pageRows],
    ])
    if (last === undefined) return { finding: undefined, complete: true }
    if (last.bad_id !== null) {
      const detail = `the identity of ${last.bad_id} claims a transaction that is sealed, and has no place`
      return { finding: { kind: 'inserted', what: 'identity', id: last.bad_id, detail }, complete: false }
    }
    ;[xact, id] = [last.xact, last.id]
    rows += last.rows
    options.onProgress?.({ part: 'identities', rows })
    if (last.rows < pageRows) return { finding: undefined, complete: true }
    if (!(await walk.goOn())) return { finding: undefined, complete: false }
  }
}

async function walkEvents(walk: Walk, options: VerifyOptions): Promise<Walked> {
  let [occurredAt, id] = ['-infinity', firstId]
  for (let rows = 0; ; ) {
    const [last] = await walk.query<{ occurred_at: string; id: string; rows: number; bad_id: string | null }>(
      eventsSql,
      [...[occurredAt, id, pageRows]],
    )
    if (last === undefined) return { finding: undefined, complete: true }
    if (last.bad_id !== null) {
      const detail = `the event ${last.bad_id} has no identity: it did not come by the API or by record()`
      return { finding: { kind: 'inserted', what: 'event', id: last.bad_id, detail }, complete: false }
    }
    ;[occurredAt, id] = [last.occurred_at, last.id]
    rows += last.rows
    options.onProgress?.({ part: 'events', rows })
    if (last.rows < pageRows) return { finding: undefined, complete: true }
    if (!(await walk.goOn())) return { finding: undefined, complete: false }
  }
}
