import { columns, isOptional, type Kind, kindOf, type View, views } from '../../catalogue/views.ts'
import type { History, Instant, Rows } from './history.ts'
import { hour, instantOf, microseconds } from './rules.ts'

export interface Scenario {
  timezone: string
  asOf: Instant
  /** A second refresh: the rows are more, the clock is on. */
  laterAsOf: Instant
  history: History
  laterHistory: History
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
type Random = (below: number) => number

function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Zones with a moment when their clocks are changed: forward, back, over midnight, twice a midnight, by half an hour, never. */
const moments = [
  ['UTC', '2026-03-01 00:00:00Z'],
  ['Europe/Berlin', '2026-03-29 01:00:00Z'],
  ['Europe/Berlin', '2026-10-25 01:00:00Z'],
  ['America/St_Johns', '2026-03-08 05:30:00Z'],
  ['America/St_Johns', '2026-11-01 04:30:00Z'],
  ['Asia/Kolkata', '2025-12-31 18:30:00Z'],
  ['Asia/Kathmandu', '2026-01-31 18:15:00Z'],
  ['Australia/Lord_Howe', '2026-04-04 15:00:00Z'],
  ['Africa/Cairo', '2026-04-23 22:00:00Z'],
  ['Pacific/Kiritimati', '2026-06-30 10:00:00Z'],
  ['America/Havana', '2026-11-01 05:00:00Z'],
  ['Atlantic/Azores', '2026-10-25 01:00:00Z'],
  ['Africa/Cairo', '2026-10-29 21:00:00Z'],
  ['America/Nuuk', '2026-03-29 01:00:00Z'],
  ['America/Nuuk', '2026-10-25 01:00:00Z'],
] as const

const quarter = hour / 4n
const wide = (prefix: string) => Array.from({ length: 26 }, (_, index) => `${prefix}${String.fromCharCode(65 + index)}`)
const itemNames = [...wide('scene '), 'other', 'unknown', 'müller "quoted" \\']

/** When a row of the view came to be. */
const firstInstant = (view: View): string | undefined =>
  Object.keys(columns[view]).find((name) => kindOf(columns[view][name]?.kind ?? 'text') === 'instant')

class Generator {
  private readonly random: Random
  private readonly now: bigint
  private readonly people: number
  private readonly isWide: boolean

  constructor(random: Random, now: bigint, people = 1 + random(45)) {
    this.random = random
    this.now = now
    this.people = people
    this.isWide = random(2) === 0
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.random(values.length)] as Value
  }

  chance(percent: number): boolean {
    return this.random(100) < percent
  }

  private few(values: readonly string[]): readonly string[] {
    return this.isWide ? values : values.slice(0, 4)
  }

  /** Near the edges of windows and of local days: where a figure can be wrong by one. */
  near(centre: bigint = this.now): Instant {
    const by = BigInt(this.random(3) - 1)
    const kind = this.random(10)
    if (kind < 2) return instantOf(centre - this.pick([0n, 24n, 168n, 720n]) * hour + by)
    if (kind < 3) return instantOf(centre + BigInt(1 + this.random(200)) * quarter + by)
    const onGrid = (centre / quarter) * quarter
    const back = kind < 6 ? this.random(220) : kind < 9 ? this.random(4_400) : this.random(25_000)
    return instantOf(onGrid - BigInt(back) * quarter + by)
  }

  maybeNear(percent: number): Instant | null {
    return this.chance(percent) ? this.near() : null
  }

  /** Of a user who may not be in `users`. */
  someone = (): number => 1 + this.random(this.people + 2)

  many<Row>(most: number, make: (id: number) => Row): Row[] {
    return Array.from({ length: this.random(most + 1) }, (_, index) => make(index + 1))
  }

  users(): Rows['users'][] {
    return Array.from({ length: this.people }, (_, index) => {
      const created_at = this.near()
      return {
        user_id: index + 1,
        created_at,
        deleted_at: this.maybeNear(20),
        updated_at: created_at,
        country: this.pick([null, '', ...this.few(wide('Q'))]),
        signup_source: this.pick([null, '', 'unknown', 'other', 'free', ...this.few(wide('source '))]),
        visitor_id: this.chance(70) ? `v${this.random(25)}` : null,
        is_internal: this.chance(12),
      }
    })
  }

  /** Around the edges of the weeks and days of somebody's life, too. */
  sessions(users: readonly Rows['users'][]): Rows['sessions'][] {
    return this.many(150, (session_id) => {
      const user = this.pick(users)
      const ofLife = microseconds(user.created_at) + this.pick([0n, 24n, 168n, 336n, 720n]) * hour
      if (this.chance(30))
        return { session_id, user_id: user.user_id, started_at: instantOf(ofLife + BigInt(this.random(3) - 1)) }
      return { session_id, user_id: this.someone(), started_at: this.chance(40) ? this.near(ofLife) : this.near() }
    })
  }

  visits(): Rows['visits'][] {
    // Some at one instant, so that only their ids say which was the first.
    const crowded = this.near(this.now - 48n * hour)
    return this.many(60, (visit_id) => ({
      visit_id,
      visitor_id: `v${this.random(30)}`,
      visited_at: this.chance(30) ? crowded : this.near(),
      source: this.pick([null, '', ...this.few(wide('from '))]),
    }))
  }

  characters(): Rows['characters'][] {
    const busy = this.someone()
    return this.many(60, (character_id) => {
      const created_at = this.near()
      const user_id = this.chance(40) ? busy : this.someone()
      return { character_id, user_id, created_at, deleted_at: this.maybeNear(25), updated_at: created_at }
    })
  }

  generations(): Rows['generations'][] {
    const busy = this.someone()
    return this.many(160, (generation_id) => {
      const created_at = this.near()
      const finished_at = this.maybeNear(85)
      const seconds = this.pick([0n, 1n, 2n, 5n, 60n, 600n, 601n])
      const began = finished_at === null ? null : microseconds(finished_at) - seconds * 1_000_000n
      return {
        generation_id,
        user_id: this.chance(40) ? busy : this.someone(),
        created_at,
        started_at: began === null || this.chance(5) ? null : instantOf(began - BigInt(this.random(2))),
        finished_at,
        updated_at: created_at,
        status: this.pick(['queued', 'running', 'succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled', 'lost']),
        type: this.pick(['studio', 'base_image', 'profile_picture', 'video']),
        quality: this.pick(['draft', 'hq', '']),
        aspect_ratio: this.pick(['', ...this.few(wide('1:'))]),
        is_nsfw: this.chance(30),
        image_count: this.random(5),
        failure_reason: this.pick([null, '', ...this.few(wide('because '))]),
        scene: this.pick([null, '', ...this.few(itemNames)]),
        environment: this.pick([null, ...this.few(itemNames)]),
        outfit: this.pick([null, 'dress', 'suit']),
        pose: null,
      }
    })
  }

  /** Amounts and intervals among which many cost the same a month. */
  subscriptions(): Rows['subscriptions'][] {
    return this.many(90, (subscription_id) => {
      const started_at = this.near()
      return {
        subscription_id,
        user_id: this.someone(),
        tier: this.pick(['pro', 'basic', 'max', 'free', '', 'other', 'unknown', ...this.few(wide('tier '))]),
        status: this.pick(['trialing', 'active', 'active', 'past_due', 'paused', 'canceled', 'unpaid']),
        amount_minor: this.pick([0, 1, 5, 10, 500, 1000, 1999, 12_000, 100_000, 200_000_000]),
        currency: this.pick(['EUR', 'USD', 'JPY', 'KWD', '']),
        interval: this.pick(['month', 'year', 'week']),
        interval_count: this.pick([1, 1, 2, 3, 6]),
        started_at,
        ended_at: this.maybeNear(35),
        updated_at: started_at,
      }
    })
  }

  subscriptionEvents(): Rows['subscription_events'][] {
    return this.many(40, (event_id) => ({
      event_id,
      subscription_id: 1 + this.random(60),
      user_id: this.someone(),
      occurred_at: this.near(),
      kind: this.pick(['new', 'upgrade', 'downgrade', 'cancel', 'reactivate', 'renamed']),
      from_tier: this.pick([null, '', 'basic', ...this.few(wide('tier '))]),
      to_tier: this.pick([null, '', 'pro', 'free', ...this.few(wide('tier '))]),
      mrr_before_minor: this.random(3_000),
      mrr_after_minor: this.random(3_000),
      currency: this.pick(['EUR', 'JPY', 'KWD']),
    }))
  }

  /** Rows of a view that has no generator above, by the kinds of its columns. */
  ofKinds(view: View): Readonly<Record<string, unknown>>[] {
    return this.many(60, (id) => {
      const happened = this.near()
      const values = Object.keys(columns[view]).map((name, place) => {
        if (place === 0) return [name, id]
        const isMoment = name === 'updated_at' || name === firstInstant(view)
        return [name, isMoment ? happened : this.ofKind(view, name)]
      })
      return Object.fromEntries(values)
    })
  }

  private ofKind(view: View, name: string): unknown {
    const { kind, values } = columns[view][name] ?? { kind: 'text' }
    if (isOptional(kind) && this.chance(30)) return null
    const ofKind: Record<Kind, () => unknown> = {
      id: () => (name === 'user_id' ? this.someone() : 1 + this.random(60)),
      instant: () => this.near(),
      text: () => this.pick(values === undefined ? ['', ...this.few(wide(`${name} `))] : [...values, 'lost']),
      country: () => this.pick(['', ...this.few(wide('Q'))]),
      currency: () => this.pick(['EUR', 'JPY', 'KWD', '']),
      flag: () => this.chance(30),
      number: () => this.random(5),
      minorUnits: () => this.pick([0, 1, 500, 1999, 100_000]),
    }
    return ofKind[kindOf(kind)]()
  }

  /** @param others one for each view that has no generator above, so that a new view changes no row of the others */
  history(others: (view: View, people: number) => Generator): History {
    const users = this.users()
    const own: Partial<History> = {
      users,
      visits: this.visits(),
      sessions: this.sessions(users),
      characters: this.characters(),
      generations: this.generations(),
      subscriptions: this.subscriptions(),
      subscription_events: this.subscriptionEvents(),
      payments: this.many(40, (payment_id) => ({
        payment_id,
        user_id: this.someone(),
        paid_at: this.near(),
        kind: this.pick(['subscription', 'credits', 'gift']),
        amount_minor: this.random(100_000),
        currency: this.pick(['EUR', 'JPY', 'KWD', 'CLF', '']),
      })),
      refunds: this.many(30, (refund_id) => ({
        refund_id,
        payment_id: 1 + this.random(50),
        user_id: this.someone(),
        refunded_at: this.near(),
        amount_minor: this.random(100_000),
        currency: this.pick(['EUR', 'JPY', 'KWD']),
      })),
      credit_ledger: this.many(80, (entry_id) => ({
        entry_id,
        user_id: this.someone(),
        created_at: this.near(),
        kind: this.pick(['purchased', 'consumed', 'granted', 'refunded', 'expired', 'lent']),
        credits: this.pick([1, 9, 10, 11, 50, 90, 100, 500, 1000, 5001]),
      })),
      bug_reports: this.many(60, (bug_report_id) => {
        const created_at = this.near()
        const severity = this.pick([null, '', ...this.few(wide('severity '))])
        return { bug_report_id, created_at, updated_at: created_at, status: this.pick(['open', 'closed']), severity }
      }),
      influencer_requests: this.many(20, (request_id) => {
        const created_at = this.near()
        const status = this.pick(['pending', 'approved', 'rejected'])
        return { request_id, created_at, updated_at: created_at, status }
      }),
    }
    const rest = views
      .filter((view) => own[view] === undefined)
      .map((view) => [view, others(view, this.people).ofKinds(view)])
    return { ...own, ...Object.fromEntries(rest) }
  }

  /** The same platform a while later: what was there is mostly there, unchanged. */
  later(before: History, after: History): History {
    const entries = Object.entries(before).map(([view, rows]) => {
      const more = after[view as keyof History].slice(rows.length)
      return [view, [...(rows as readonly object[]).filter(() => !this.chance(5)), ...more]]
    })
    return Object.fromEntries(entries) as History
  }
}

const ownRandom = (seed: number, view: View): Random => randomOf(seed * views.length + views.indexOf(view))

/** What a view gets that has no generator of its own. */
export const rowsOfKinds = (view: View, seed: number): Readonly<Record<string, unknown>>[] =>
  new Generator(ownRandom(seed, view), microseconds('2026-06-01 00:00:00Z')).ofKinds(view)

/** One platform with a past, within weeks of a change of its clocks. */
export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed)
  const [timezone, moment] = moments[random(moments.length)] as (typeof moments)[number]
  const grid = BigInt(random(3) === 0 ? random(40) * 96 : random(120))
  const now = microseconds(moment) + grid * quarter + BigInt(random(3) - 1)
  const later = now + BigInt(1 + random(150)) * quarter
  const others = (at: bigint) => (view: View, people: number) => new Generator(ownRandom(seed, view), at, people)
  const generator = new Generator(random, now)
  const history = generator.history(others(now))
  const laterHistory = generator.later(history, new Generator(random, later).history(others(later)))
  return { timezone, asOf: instantOf(now), laterAsOf: instantOf(later), history, laterHistory }
}
