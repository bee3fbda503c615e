import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../lib/user-error.ts'
import type { DrillStack } from './drill-stack.ts'
import { type Fault, pageSecondsMax } from './faults.ts'
import { type Notice, readNotices, readStanding } from './watch.ts'

/** What came of a fault. Seconds are of the slower of both receivers; undefined where nothing came. */
export interface Outcome {
  fault: Fault
  stack: string
  startedAt: Date
  pageSeconds?: number | undefined
  resolveSeconds?: number | undefined
  /** How often the alert's page was sent, by the receiver that got the most. */
  pages: number
  resolves: number
  /** Whatever else was sent. */
  others: string[]
  /** What fired and was held back, since it follows from the fault. */
  heldBack: string[]
  /** Seconds for which this machine stood still meanwhile, so that nothing was measured. */
  stoodStillSeconds: number
  error?: string | undefined
}

/** A fault that is over, as far as it goes: what it sends late is still its own until the next begins. */
export interface Measured {
  faults: readonly Fault[]
  finish(): Promise<Outcome[]>
}

interface Times {
  injectedMs: number
  repairedMs: number
}

const pollMs = 500
/** A second message about a group comes a minute after the first, if at all. */
const holdMs = 70_000
/** And up to a minute more, so that the repair falls anywhere between two rounds of Alertmanager. */
const spreadMs = 60_000
/** Of what does not come, this much longer than promised. */
const patience = 2
const resolveTimeoutMs = 900_000
const lateMs = 70_000

export interface MeasureOptions {
  stack: DrillStack
  say: (line: string) => void
  /** Whether a fault is ended as soon as its page is out, without waiting for a second. */
  short: boolean
}

/** Makes faults that do not follow from each other, at once, waits for their pages, ends them, and waits for the ends. */
export async function measure(faults: readonly Fault[], options: MeasureOptions): Promise<Measured> {
  const { stack, say, short } = options
  const clock = watchClock()
  const fired = new Set<string>()
  const times = new Map<Fault, Times>()
  const startedAt = new Date()
  let error: string | undefined
  const look = async () => {
    // What is not heard now is heard at the next look; receivers keep what they were sent.
    const standing = await readStanding(stack.barometer).catch(() => [])
    for (const { alert, state } of standing) if (state === 'firing') fired.add(alert)
    return readNotices(stack.barometer)
  }
  try {
    const repairs = await Promise.all(
      faults.map(async (fault) => {
        say(`${fault.title}`)
        const injectedMs = Date.now()
        times.set(fault, { injectedMs, repairedMs: Number.POSITIVE_INFINITY })
        return { fault, injectedMs, repair: await fault.inject(stack) }
      }),
    )
    try {
      await untilPaged(faults, times, look, short)
    } finally {
      await Promise.all(
        repairs.map(async ({ fault, injectedMs, repair }) => {
          times.set(fault, { injectedMs, repairedMs: Date.now() })
          await repair()
        }),
      )
    }
    say(`repaired: ${faults.map(({ title }) => title).join(', ')}`)
    await untilResolved(faults, times, look, resolveTimeoutMs)
  } catch (problem) {
    error = messageOf(problem)
  }
  return {
    faults,
    finish: async () => {
      // A page that came after the repair: Alertmanager says that it is over a minute after it has forgotten it.
      await untilResolved(faults, times, look, lateMs)
      const notices = (await look()).filter(({ atMs }) => atMs >= startedAt.getTime())
      clock.stop()
      const alerts = new Set(faults.map(({ alert }) => alert))
      const others = notices.filter(({ alert }) => !alerts.has(alert))
      return faults.map((fault) => ({
        ...{ fault, stack: stack.name, startedAt, error, stoodStillSeconds: clock.stoodStillSeconds() },
        ...figuresOf(fault, times.get(fault), notices),
        others: others.map(({ receiver, line }) => `${receiver}: ${line}`),
        heldBack: [...fired].filter((alert) => !alerts.has(alert) && alert !== 'OutageEnding' && alert !== 'Watchdog'),
      }))
    },
  }
}

type Look = () => Promise<Notice[]>

async function untilPaged(
  faults: readonly Fault[],
  times: ReadonlyMap<Fault, Times>,
  look: Look,
  short: boolean,
): Promise<void> {
  const since = Math.min(...[...times.values()].map(({ injectedMs }) => injectedMs))
  const watched = Math.max(0, ...faults.map(({ watchSeconds = 0 }) => watchSeconds)) * 1_000
  const promised = Math.max(0, ...faults.map(({ kind }) => (kind === 'none' ? 0 : pageSecondsMax[kind]))) * 1_000
  const holdsMs = short || watched > 0 ? 5_000 : holdMs + Math.random() * spreadMs
  let pagedMs: number | undefined
  for (;;) {
    const notices = await look()
    const paged = faults.every(
      (fault) => fault.kind === 'none' || sent(notices, fault, times.get(fault), true) !== undefined,
    )
    if (paged) pagedMs ??= Date.now()
    const held = pagedMs !== undefined && Date.now() >= pagedMs + holdsMs
    if (held && Date.now() >= since + watched) return
    if (!paged && Date.now() >= since + patience * promised) return
    await sleep(pollMs)
  }
}

async function untilResolved(
  faults: readonly Fault[],
  times: ReadonlyMap<Fault, Times>,
  look: Look,
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs
  while (Date.now() < deadlineMs) {
    const notices = await look()
    const open = faults.filter(
      (fault) =>
        sent(notices, fault, times.get(fault), true) !== undefined &&
        sent(notices, fault, times.get(fault), false) === undefined,
    )
    if (open.length === 0) return
    await sleep(pollMs)
  }
}

/** When both receivers had it: seconds from the fault to its page, or from the repair to its end. */
function sent(
  notices: readonly Notice[],
  { alert }: Fault,
  times: Times | undefined,
  fires: boolean,
): number | undefined {
  const { injectedMs = 0, repairedMs = 0 } = times ?? {}
  const sinceMs = fires ? injectedMs : repairedMs
  const at = (['Slack', 'PagerDuty'] as const).map(
    (receiver) =>
      notices.find(
        (notice) =>
          notice.receiver === receiver && notice.alert === alert && notice.fires === fires && notice.atMs >= sinceMs,
      )?.atMs,
  )
  const [one, other] = at
  return one === undefined || other === undefined ? undefined : (Math.max(one, other) - sinceMs) / 1_000
}

function figuresOf(fault: Fault, times: Times | undefined, notices: readonly Notice[]) {
  const count = (fires: boolean) =>
    Math.max(
      ...['Slack', 'PagerDuty'].map(
        (receiver) =>
          notices.filter((one) => one.receiver === receiver && one.alert === fault.alert && one.fires === fires).length,
      ),
    )
  return {
    pageSeconds: sent(notices, fault, times, true),
    resolveSeconds: sent(notices, fault, times, false),
    pages: count(true),
    resolves: count(false),
  }
}

/** Sees whether this process was stopped, as when the machine sleeps: what was measured then is worth nothing. */
function watchClock() {
  const everyMs = 1_000
  const stillMsMin = 4_000
  let last = Date.now()
  let stillMs = 0
  const tick = () => {
    const passed = Date.now() - last
    if (passed > everyMs + stillMsMin) stillMs += passed
    last = Date.now()
  }
  const timer = setInterval(tick, everyMs)
  return {
    stop: () => clearInterval(timer),
    stoodStillSeconds: () => {
      tick()
      return stillMs / 1_000
    },
  }
}
