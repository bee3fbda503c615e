import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Logger } from '../../lib/log.ts'
import { describeError } from '../http/describe-error.ts'
import type { Problem } from '../http/problem.ts'
import { type ActionLog, eventTime, type OwnAction } from './action-log.ts'
import type { EventWithId } from './event-writer.ts'

const windowMs = 60_000
/** Events at once in a minute, of one kind (the same token or address, route and status) and in all; the rest is counted. */
const singleMax = { kind: 10, all: 60 } as const
/** Kinds that are told apart in a minute; further ones share one count, so that nobody fills the log or the memory. */
const kindsMax = 100

export interface Refusals {
  /** Records the first ones of its kind in a minute at once, and counts the others; never throws. */
  add(request: FastifyRequest, refusal: Problem): Promise<void>
  /** Stores the counts of the minutes that are over, or of all. */
  flush(all?: boolean): Promise<void>
}

interface Window {
  endsMs: number
  event: EventWithId
  /** Refusals that were an event at once. */
  single: number
  /** Refusals that are in no event yet. */
  waiting: number
  firstAt: Date
  lastAt: Date
}

/**
 * Every refused token is in the log, by itself or in the count of its minute: at most 60 single events and 101 counts a
 * minute, whatever comes. A flood of wrong tokens cannot fill the log, and cannot hide in it.
 */
export function createRefusals(actions: ActionLog, now: () => Date, log: Logger): Refusals {
  const windows = new Map<string, Window>()
  let minute = { endsMs: 0, single: 0 }

  async function store(window: Window): Promise<void> {
    const { waiting: count, firstAt, lastAt } = window
    window.waiting = 0
    const times = count === 1 ? {} : { first_at: firstAt.toISOString(), last_at: lastAt.toISOString() }
    const metadata = { ...window.event.metadata, count, ...times }
    try {
      await actions.store({ ...window.event, id: randomUUID(), occurred_at: eventTime(lastAt), metadata })
    } catch (error) {
      // The refusal stands, and waits until it can be stored.
      window.waiting += count
      window.firstAt = firstAt
      log.error({ error: describeError(error).error, count }, 'refused tokens could not be recorded yet')
    }
  }

  async function flush(all = false): Promise<void> {
    const over = [...windows].filter(([, window]) => all || window.endsMs <= now().getTime())
    for (const [kind, window] of over) {
      if (window.waiting > 0) await store(window)
      if (window.waiting === 0 && windows.get(kind) === window) windows.delete(kind)
    }
  }

  function windowOf(request: FastifyRequest, refusal: Problem, time: Date): Window {
    const kind = kindOf(request, refusal)
    const shared = !windows.has(kind) && windows.size >= kindsMax
    const known = windows.get(shared ? others : kind)
    if (known !== undefined) return known
    const event = actions.eventOf(request, shared ? othersRefused : refused(request, refusal))
    const made = { endsMs: time.getTime() + windowMs, event, single: 0, waiting: 0, firstAt: time, lastAt: time }
    windows.set(shared ? others : kind, made)
    return made
  }

  async function add(request: FastifyRequest, refusal: Problem): Promise<void> {
    await flush()
    const time = now()
    if (minute.endsMs <= time.getTime()) minute = { endsMs: time.getTime() + windowMs, single: 0 }
    const window = windowOf(request, refusal, time)
    if (window.waiting === 0) window.firstAt = time
    window.waiting += 1
    window.lastAt = time
    if (window.waiting > 1 || window.single >= singleMax.kind || minute.single >= singleMax.all) return
    window.single += 1
    minute.single += 1
    await store(window)
  }
  return { add, flush }
}

const others = 'others'
const othersRefused: OwnAction = {
  action: 'token.refuse',
  target: { type: 'route', id: 'several' },
  outcome: 'failure',
  metadata: { reason: `refusals of more than ${kindsMax} kinds in a minute` },
}

function refused(request: FastifyRequest, refusal: Problem): OwnAction {
  return {
    action: 'token.refuse',
    target: { type: 'route', id: request.routeOptions.url ?? 'unknown' },
    outcome: 'failure',
    metadata: { status: refusal.status, reason: refusal.message },
  }
}

function kindOf(request: FastifyRequest, refusal: Problem): string {
  const { caller, ip } = request
  const who = caller === undefined ? addressBlock(ip) : `${caller.token.id} ${caller.person?.slice(0, 200) ?? ''}`
  return `${request.routeOptions.url} ${refusal.status} ${who}`
}

/** Of IPv6 the /64, all of which one machine has to choose from. */
export function addressBlock(ip: string): string {
  if (!ip.includes(':')) return ip
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = ip.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length
  return [...groups, ...Array.from({ length: Math.max(zeros, 0) }, () => '0'), ...after].slice(0, 4).join(':')
}
