import { randomUUID } from 'node:crypto'
import { exclusively } from '../../lib/exclusively.ts'
import type { Logger } from '../../lib/log.ts'
import type { Pool } from '../../lib/postgres.ts'
import { repeat } from '../../lib/repeat.ts'
import { messageOf } from '../../lib/user-error.ts'
import { eventTime, serviceActor } from '../events/action-log.ts'
import type { AuditEvent } from '../events/event-schema.ts'
import type { EventWriter } from '../events/event-writer.ts'
import type { Anchors } from './anchors.ts'
import type { ChainFigures } from './figures.ts'
import { createSealer } from './sealer.ts'
import { isValid, keepVerification, wholeAgeMs } from './verifications.ts'
import { type Head, type Verification, verifyChain } from './verify.ts'
import { verificationAction } from './verify-answer.ts'

export interface ChainKeeperOptions {
  /** Of its own, as the service's role, so that sealing does not wait behind requests: three connections. */
  pool: Pool
  writer: EventWriter
  figures: ChainFigures
  anchors: Anchors | undefined
  log: Logger
  now: () => Date
  sealEveryMs?: number
  verifyEveryMs?: number
}

/** 1 s: an event has its place a second after its commit, and an idle log costs two look-ups a second. */
const sealMs = 1_000
const minuteMs = 60_000
const hourMs = 3_600_000
/** The newest rows, looked at each minute: 0.3 s of one connection. */
const recentRows = 10_000
/** 5 min: how long a new day, or a bucket that is back, waits for its anchor. */
const anchorMs = 5 * minuteMs
/** The whole log once a night (UTC), resting three times as long as it works: a quarter of one connection. */
const nightHours = [2, 3, 4]
const wholeAgeMinMs = 20 * hourMs
const restRatio = 3

/** Seals, verifies and anchors as long as the service runs; of several replicas one at a time does each. */
export function startChainKeeper(options: ChainKeeperOptions): { stop(): Promise<void> } {
  const { pool, figures, anchors, log, now } = options
  const sealer = createSealer(pool, log, now)
  const ending = new AbortController()
  let head: Head | undefined
  const seal = async (): Promise<void> => {
    try {
      const state = await sealer.tick()
      head = state.head
      figures.show(state)
    } catch (error) {
      figures.clear()
      throw error
    }
  }
  const verify = async (): Promise<void> => {
    // The others show what this one found.
    await exclusively(pool, 'barometer_audit.verify', async () => {
      if (await isWholeDue(pool, now())) await verifyWhole(options, ending.signal)
      else await verifyRecent(options, head, ending.signal)
    })
    figures.showValid(await isValid(pool))
  }
  const anchor = async (): Promise<void> => {
    const newest = head
    if (anchors === undefined || newest === undefined) return
    await exclusively(pool, 'barometer_audit.anchor', async () => {
      if (await anchors.keepDaily(newest, now())) log.info({ sequence: newest.sequence }, 'the head is anchored')
    })
  }
  // Not before the first look at the head: there is nothing to begin from.
  const whenReady = (): boolean => head !== undefined
  const loops = [
    repeat({ name: 'seal', everyMs: options.sealEveryMs ?? sealMs, log, work: seal }),
    repeat({ name: 'verify', everyMs: options.verifyEveryMs ?? minuteMs, log, whenReady, work: verify }),
    repeat({ name: 'anchor', everyMs: anchorMs, log, whenReady, work: anchor }),
  ]
  return {
    stop: async () => {
      ending.abort()
      await Promise.all(loops.map((loop) => loop.stop()))
      sealer.logHead()
    },
  }
}

async function isWholeDue(pool: Pool, now: Date): Promise<boolean> {
  if (!nightHours.includes(now.getUTCHours())) return false
  const age = await wholeAgeMs(pool)
  return age === undefined || age >= wholeAgeMinMs
}

async function verifyWhole(options: ChainKeeperOptions, signal: AbortSignal): Promise<void> {
  const { pool, writer, anchors, log, now } = options
  const compared = await newestAnchors(anchors, log)
  const result = await verifyChain(pool, { whole: true, anchors: compared, restRatio, signal })
  await keepVerification(pool, result)
  await writer.insert([{ id: randomUUID(), ...ownVerification(result, now()) }])
  report(result, log)
}

async function verifyRecent(options: ChainKeeperOptions, seen: Head | undefined, signal: AbortSignal): Promise<void> {
  const { pool, log } = options
  const fromSequence = Math.max((seen?.sequence ?? 0) - recentRows, 1)
  const anchors = seen === undefined ? [] : [{ ...seen, key: 'that this process saw' }]
  const result = await verifyChain(pool, { whole: false, fromSequence, anchors, signal })
  await keepVerification(pool, result)
  report(result, log)
}

function report({ finding, lastSequence }: Verification, log: Logger): void {
  if (finding === undefined) log.debug({ sequence: lastSequence }, 'the chain holds')
  else log.error({ finding }, 'the chain does not hold')
}

/** A verification without the anchors is better than none. */
async function newestAnchors(anchors: Anchors | undefined, log: Logger) {
  try {
    return (await anchors?.newest()) ?? []
  } catch (error) {
    log.error({ error: messageOf(error) }, 'the anchors cannot be read; the chain is verified without them')
    return []
  }
}

function ownVerification(result: Verification, now: Date): AuditEvent {
  return {
    occurred_at: eventTime(now),
    actor: serviceActor,
    ...verificationAction(result),
  }
}
