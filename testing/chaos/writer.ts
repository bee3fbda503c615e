import { setTimeout as sleep } from 'node:timers/promises'
import { AuditClient } from '../../audit-api/client/client.ts'

/** An admin app that records events as fast as asked, by the client that others take into theirs. */
export interface Writer {
  /** Ids that the client knows to be stored. */
  readonly acknowledged: ReadonlySet<string>
  /** What the client gave up, with the reason: never in a fault of the way or of the service. */
  readonly givenUp: readonly string[]
  /** Until all that was recorded before is stored. @throws after `timeoutMs` */
  flush(timeoutMs: number): Promise<void>
  stop(): Promise<void>
}

/** What its events are told from the simulator's by. */
export const writerAction = 'chaos.beat'

export function startWriter(url: string, token: string, perSecond: number): Writer {
  const acknowledged = new Set<string>()
  const givenUp: string[] = []
  const refused = new Set<string>()
  let recorded: string[] = []
  let stopped = false
  let number = 0
  const client = new AuditClient({
    ...{ url, token, backoffMaxMs: 2_000, timeoutMs: 8_000 },
    onGivenUp: (event, reason) => {
      refused.add(event.id ?? '')
      givenUp.push(`${event.id}: ${reason}`)
    },
  })
  const flushed = async () => {
    const before = recorded
    recorded = []
    await client.flush()
    for (const id of before) if (!refused.has(id)) acknowledged.add(id)
  }
  const work = (async () => {
    while (!stopped) {
      number += 1
      const id = await client.record({
        ...{ action: writerAction, outcome: 'success' },
        actor: { type: 'system', id: 'chaos', name: 'Chaos' },
        target: { type: 'beat', id: String(number) },
      })
      recorded.push(id)
      await sleep(1_000 / perSecond)
    }
  })()
  return {
    acknowledged,
    givenUp,
    flush: async (timeoutMs) => {
      const timer = new AbortController()
      const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
        throw new Error(`${client.waiting} audit events are still not stored after ${timeoutMs / 1_000} s`)
      })
      late.catch(() => {})
      await Promise.race([flushed(), late]).finally(() => timer.abort())
    },
    stop: async () => {
      stopped = true
      await work
      await client.close({ timeoutMs: 5_000 })
    },
  }
}
