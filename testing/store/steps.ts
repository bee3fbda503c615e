import fc from 'fast-check'
import { type View, views } from '../../catalogue/views.ts'
import { type MutableView, rowSeeds, type Seed, type SeededRow, type Stamp, updated_at } from './rows.ts'

/** How far the clock is moved before the next step. */
export type Advance =
  | { to: 'seconds' | 'minutes' | 'hours' | 'days'; n: number }
  /** The first instant of the next local day. */
  | { to: 'midnight'; by: number }
  /** When the zone changes its clocks, where that lies ahead. */
  | { to: 'clockChange'; by: number }
  /**
   * A moment ahead at which a row comes, or leaves a window: its instant and so many hours, and microseconds. The places
   * count from the next one, or from the last.
   */
  | { to: 'edge'; view: View; place: number; hours: number; by: number }

export const breakages = ['missing', 'of a wrong type', 'failing'] as const
export type Breakage = (typeof breakages)[number]

export type Step =
  | { step: 'insert'; rows: readonly SeededRow[] }
  | { step: 'change'; changes: readonly { view: MutableView; place: number; sets: Seed }[] }
  | { step: 'advance'; by: Advance }
  | { step: 'refresh'; after: Advance | null }
  /** A refresh that takes little of what changed, and so many bites of the rest. */
  | { step: 'nibble'; changes: number; entities: number; bites: number }
  /** All rows of the view are written again as they are. */
  | { step: 'touch'; view: MutableView }
  /** A user turns internal, or back. */
  | { step: 'turn'; place: number; stamp: Stamp }
  /** Another process takes over: nothing is remembered but what the store holds. */
  | { step: 'restart' }
  /** The refresh's process dies at one of its statements; `after` it, or before. */
  | { step: 'die'; statement: number; after: boolean }
  /** The view breaks and is whole again after so many refreshes. */
  | { step: 'break'; view: View; how: Breakage; refreshes: number }
  /** The first build gives way after so many chunks, so that a refresh finds the store half built. */
  | { step: 'pausedBuild'; chunks: number }

export interface Sequence {
  timezone: string
  /** When the zone changes its clocks. */
  clockChange: string
  /** The first instant, so many quarters of an hour before the change, or after it. */
  quarters: number
  /** Whether the store is built before there is any row; else the first refresh finds a past. */
  isBuilt: boolean
  steps: readonly Step[]
}

/** Zones with a moment when their clocks are changed: forward, back, over midnight, twice a midnight, by half an hour, never. */
const moments = [
  ['UTC', '2026-03-01 00:00:00Z'],
  ['Europe/Berlin', '2026-03-29 01:00:00Z'],
  ['Europe/Berlin', '2026-10-25 01:00:00Z'],
  ['America/St_Johns', '2026-11-01 04:30:00Z'],
  ['Asia/Kathmandu', '2026-01-31 18:15:00Z'],
  ['Australia/Lord_Howe', '2026-04-04 15:00:00Z'],
  ['Africa/Cairo', '2026-04-23 22:00:00Z'],
  ['Pacific/Pago_Pago', '2026-03-01 11:00:00Z'],
  ['Pacific/Kiritimati', '2026-06-30 10:00:00Z'],
  ['America/Havana', '2026-11-01 05:00:00Z'],
  ['Atlantic/Azores', '2026-10-25 01:00:00Z'],
  ['America/Nuuk', '2026-03-29 01:00:00Z'],
] as const
const zones = [...new Set(moments.map(([zone]) => zone))]

const by = fc.integer({ min: -1, max: 1 })
const until = (max: number) => fc.integer({ min: 1, max })
const when = <To extends Advance['to'], Rest>(to: To, rest: { [Key in keyof Rest]: fc.Arbitrary<Rest[Key]> }) =>
  fc.record({ to: fc.constant(to), ...rest })

/** A microsecond before and after, and so near that both lie in one hour. */
const tenMinutes = 600_000_000
const edge = when('edge', {
  view: fc.constantFrom(...views, 'users', 'generations', 'generations', 'sessions', 'sessions', 'subscriptions'),
  place: fc.integer({ min: -5, max: 5 }),
  hours: fc.constantFrom(0, 24, 168, 720),
  by: fc.constantFrom(0, 0, 0, -1, 1, -tenMinutes, tenMinutes),
}) as fc.Arbitrary<Advance>

const advance: fc.Arbitrary<Advance> = fc.oneof(
  { weight: 3, arbitrary: when('seconds', { n: until(90) }) },
  { weight: 3, arbitrary: when('minutes', { n: until(59) }) },
  { weight: 3, arbitrary: when('hours', { n: until(5) }) },
  { weight: 2, arbitrary: when('days', { n: fc.constantFrom(1, 1, 2, 7, 7, 29, 30, 31) }) },
  { weight: 3, arbitrary: when('midnight', { by }) },
  { weight: 1, arbitrary: when('clockChange', { by }) },
  { weight: 5, arbitrary: edge },
) as fc.Arbitrary<Advance>

const changes = fc.array(
  fc.noShrink(
    fc.oneof(
      ...(Object.entries(rowSeeds.changes) as [MutableView, fc.Arbitrary<Seed>][]).map(([view, sets]) => ({
        weight: view === 'users' || view === 'generations' || view === 'subscriptions' ? 3 : 1,
        arbitrary: fc.record({ view: fc.constant(view), place: fc.nat(100), sets }),
      })),
    ),
  ),
  { minLength: 1, maxLength: 5 },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      step: fc.constant('insert' as const),
      rows: fc.array(fc.noShrink(rowSeeds.rows), { minLength: 1, maxLength: 14, size: 'max' }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ step: fc.constant('change' as const), changes }) },
  { weight: 4, arbitrary: fc.record({ step: fc.constant('advance' as const), by: fc.noShrink(advance) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      step: fc.constant('refresh' as const),
      after: fc.noShrink(
        fc.oneof(
          { weight: 2, arbitrary: fc.constant(null) },
          { weight: 5, arbitrary: edge },
          { weight: 1, arbitrary: advance },
        ),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.noShrink(fc.record({ step: fc.constant('turn' as const), place: fc.nat(11), stamp: updated_at })),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ step: 'restart' }) },
  {
    weight: 3,
    arbitrary: fc.noShrink(
      fc.record({ step: fc.constant('nibble' as const), changes: until(9), entities: until(5), bites: fc.nat(6) }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.noShrink(
      fc.record({
        step: fc.constant('touch' as const),
        view: fc.constantFrom(...(Object.keys(rowSeeds.changes) as MutableView[])),
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.noShrink(
      fc.record({ step: fc.constant('die' as const), statement: fc.nat(1_000), after: fc.boolean() }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.noShrink(
      fc.record({
        step: fc.constant('break' as const),
        view: fc.constantFrom(...views, 'users' as const),
        how: fc.constantFrom(...breakages),
        refreshes: until(3),
      }),
    ),
  },
)

/** A user turns twice while a view cannot be read: who turned back must not be moved. */
const turnedTwice: fc.Arbitrary<readonly Step[]> = fc.noShrink(
  fc
    .record({
      view: fc.constantFrom<View>('sessions', 'payments', 'credit_ledger', 'generations', 'subscriptions'),
      place: fc.nat(3),
      stamp: updated_at,
    })
    .map(({ view, place, stamp }) => [
      { step: 'break', view, how: 'missing', refreshes: 2 },
      { step: 'turn', place, stamp },
      { step: 'refresh', after: null },
      { step: 'turn', place, stamp },
      { step: 'refresh', after: { to: 'seconds', n: 60 } },
      { step: 'refresh', after: { to: 'seconds', n: 60 } },
    ]),
)

/** One user does so much that every threshold is passed. */
const busyUser: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.noShrink(
      rowSeeds.generations.map((seed): SeededRow => ({ view: 'generations', seed: { ...seed, user_id: 1 } })),
    ),
    { minLength: 6, maxLength: 12, size: 'max' },
  )
  .map((rows) => [{ step: 'insert', rows }])

const steps: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.oneof(
      { weight: 70, arbitrary: step.map((one): readonly Step[] => [one]) },
      { weight: 1, arbitrary: turnedTwice },
      { weight: 3, arbitrary: busyUser },
    ),
    { minLength: 1, maxLength: 24, size: 'max' },
  )
  .map((taken) => taken.flat())

const pasts = fc.record({
  past: fc.array(fc.noShrink(rowSeeds.rows), { maxLength: 60, size: 'max' }),
  pause: fc.noShrink(fc.option(fc.nat(40), { freq: 3 })),
})

/**
 * Platforms that begin with some past or none, and what then happens to them. Of several families each has zones of its own,
 * so that fewer stores have to be built.
 */
export function sequencesOf(family: number, families: number): fc.Arbitrary<Sequence> {
  const own = moments.filter(([zone]) => zones.indexOf(zone) % families === family)
  return fc
    .record({
      moment: fc.noShrink(fc.constantFrom(...own)),
      quarters: fc.noShrink(
        fc.oneof(fc.integer({ min: -400, max: 20 }), fc.integer({ min: -3_000, max: 400 }), fc.constant(-96)),
      ),
      begin: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: pasts }),
      steps,
    })
    .map(({ moment: [timezone, clockChange], quarters, begin, steps }) => ({
      timezone,
      clockChange,
      quarters,
      isBuilt: begin === null,
      steps: [
        ...(begin === null || begin.past.length === 0 ? [] : [{ step: 'insert' as const, rows: begin.past }]),
        ...(begin === null || begin.pause === null ? [] : [{ step: 'pausedBuild' as const, chunks: begin.pause }]),
        ...steps,
        { step: 'refresh' as const, after: null },
      ],
    }))
}
