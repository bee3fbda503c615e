import { Type } from 'typebox'
import { activeUsers, signups as signupsMetric, users as usersMetric } from '../../../catalogue/users.ts'
import { calendarUnits } from '../../../catalogue/windows.ts'
import {
  type Answer,
  distinct,
  periodsOf,
  type Read,
  type Report,
  type Row,
  ratio,
  type Sources,
  Sums,
} from '../report.ts'
import { bucketProperties, count, numberOrNull, text } from '../schema.ts'
import type { Filters, Period } from '../sources/store.ts'

const segments = ['tier', 'country', 'activity', 'characters'] as const
const dashboard = 'barometer-users'
const segmentNote = `tier, country, activity and characters are those of the user now, as in ${usersMetric.name}; the labels are those of the metrics.`

const growth: Report = {
  path: 'users/growth',
  dashboard,
  summary: 'Sign-ups by period',
  description: `As ${signupsMetric.name}. ${segmentNote}`,
  parameters: { period: true, filters: segments, choices: { by: ['none', 'source', 'country'] } },
  item: { ...bucketProperties, group: text, signups: count, signups_total: count },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const { buckets, range } = await periodsOf(reading, read.asked)
      const { period } = read.asked
      type Found = { bucket: string | null; source: string; country: string; n: string }
      const groupOf = ({ source, country }: Found) =>
        read.choices.by === 'source' ? source : read.choices.by === 'country' ? country : 'all'
      const found = await reading.sums<Found>('signups', { period, range, filters: read.filters })
      const earlier = await reading.sums<Found>('signups', {
        ...{ period: 'all', range: { from: '-infinity', to: range.from }, filters: read.filters },
      })
      const sums = new Sums()
      for (const row of found) sums.add([row.bucket, groupOf(row)], row.n)
      const totals = new Sums()
      for (const row of earlier) totals.add([groupOf(row)], row.n)
      const groups = read.choices.by === 'none' ? ['all'] : distinct([...found, ...earlier].map(groupOf))
      const items = buckets.flatMap((bucket) =>
        groups.map((group) => {
          const signups = sums.get(bucket.period, group)
          totals.add([group], signups)
          return { ...bucket, group, signups, signups_total: totals.get(group) }
        }),
      )
      return { as_of: reading.asOf, timezone: reading.timezone, items }
    }),
}

const activeColumns = {
  active_users: count,
  sessions: count,
  sessions_per_user: numberOrNull,
  generating_users: count,
}

const active: Report = {
  path: 'users/active',
  dashboard,
  summary: 'Users with a session, by period',
  description: `Each user once a period; total has each once over the whole range. Live users, as ${activeUsers.name}. Read from the views by the index on time. ${segmentNote}`,
  parameters: { period: true, filters: segments },
  item: { ...bucketProperties, ...activeColumns },
  more: {
    total: Type.Object(activeColumns),
  },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const { buckets, range } = await periodsOf(reading, read.asked)
      const sums = new Sums()
      const add = async (name: 'active_users' | 'generating_users' | 'sessions', period: Period | 'all') => {
        type Found = { bucket: string | null; users?: string; n?: string }
        const rows = await reading.sums<Found>(name, { period, range, filters: read.filters })
        for (const row of rows) sums.add([name, row.bucket], row.users ?? row.n ?? 0)
      }
      for (const period of [read.asked.period, 'all'] as const) {
        await add('active_users', period)
        await add('generating_users', period)
        await add('sessions', period)
      }
      const figures = (bucket: string | null) => {
        const [people, sessions] = [sums.get('active_users', bucket), sums.get('sessions', bucket)]
        return {
          active_users: people,
          sessions,
          sessions_per_user: ratio(sessions, people),
          generating_users: sums.get('generating_users', bucket),
        }
      }
      const items = buckets.map((bucket) => ({ ...bucket, ...figures(bucket.period) }))
      return { as_of: reading.asOf, timezone: reading.timezone, total: figures(null), items }
    }),
}

/** Day 30 is the last of a cohort of days; of weeks and months there are 12. */
const numbersMax = 30
const wide = Object.fromEntries(
  Array.from({ length: numbersMax + 1 }, (_, number) => [`n${number}`, Type.Optional(numberOrNull)]),
)

const retention: Report = {
  path: 'users/retention',
  dashboard,
  summary: 'Cohorts of sign-ups, and who came back',
  description: `Classic: of those who signed up in a local day, week or month, how many had a session in the Nth after it; whole cohorts that begin in the range, and periods that are over. With shape=wide a row is a cohort, and n0, n1, … are shares. Read from the views. ${segmentNote}`,
  parameters: {
    range: true,
    filters: segments,
    choices: { cohort: calendarUnits, shape: ['long', 'wide'] },
  },
  item: {
    cohort: text,
    users: count,
    number: Type.Optional(count),
    retained: Type.Optional(count),
    rate: Type.Optional(numberOrNull),
    ...wide,
  },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const period = read.choices.cohort as Period
      const { range } = await periodsOf(reading, { ...read.asked, period })
      type Found = { cohort: string; users: string; number: string; retained: string }
      const found = await reading.sums<Found>('retention', { period, range, filters: read.filters })
      const rows = found
        .map((row) => ({
          cohort: row.cohort,
          users: Number(row.users),
          number: Number(row.number),
          retained: Number(row.retained),
          rate: ratio(Number(row.retained), Number(row.users)),
        }))
        .sort((one, other) => one.cohort.localeCompare(other.cohort) || one.number - other.number)
      const items = read.choices.shape === 'wide' ? widened(rows) : rows
      return { as_of: reading.asOf, timezone: reading.timezone, items }
    }),
}

type Cohort = { cohort: string; users: number; number: number; rate: number | null }

function widened(rows: readonly Cohort[]): Row[] {
  const cohorts = new Map<string, Record<string, string | number | null>>()
  for (const { cohort, users, number, rate } of rows) {
    const row = cohorts.get(cohort) ?? { cohort, users }
    cohorts.set(cohort, Object.assign(row, { [`n${number}`]: rate }))
  }
  return [...cohorts.values()]
}

const segmentation: Report = {
  path: 'users/segmentation',
  dashboard,
  summary: 'Registered users now, by segment',
  description: `As ${usersMetric.name}, and the active users of 1, 7 and 30 days where they are known by that segment: by tier and by country.`,
  parameters: { filters: segments, choices: { by: ['tier', 'country', 'characters', 'activity'] } },
  item: {
    segment: text,
    users: count,
    share: numberOrNull,
    active_1d: Type.Union([count, Type.Null()]),
    active_7d: Type.Union([count, Type.Null()]),
    active_30d: Type.Union([count, Type.Null()]),
  },
  load: segment,
}

async function segment(read: Read, { store }: Sources): Promise<Answer> {
  return await store.read(async (reading) => {
    const figures = await reading.figures()
    const by = read.choices.by as (typeof segments)[number]
    const users = figures.series(usersMetric).filter(({ labels }) => passes(labels, read.filters))
    const isKnown = (by === 'tier' || by === 'country') && !('characters' in read.filters || 'activity' in read.filters)
    const activity = figures.series(activeUsers).filter(({ labels }) => passes(labels, read.filters))
    const total = users.reduce((sum, { value }) => sum + value, 0)
    const sumOf = (value: string, of: typeof users | typeof activity) =>
      of
        .filter(({ labels }) => (labels as Record<string, string>)[by] === value)
        .reduce((sum, one) => sum + one.value, 0)
    const activeIn = (value: string, window: string) =>
      isKnown
        ? sumOf(
            value,
            activity.filter(({ labels }) => labels.window === window),
          )
        : null
    const items = distinct(users.map(({ labels }) => labels[by])).map((value) => ({
      segment: value,
      users: sumOf(value, users),
      share: ratio(sumOf(value, users), total),
      active_1d: activeIn(value, '1d'),
      active_7d: activeIn(value, '7d'),
      active_30d: activeIn(value, '30d'),
    }))
    items.sort((one, other) => other.users - one.users || one.segment.localeCompare(other.segment))
    return { as_of: figures.asOf.toISOString(), timezone: reading.timezone, items }
  })
}

function passes(labels: Readonly<Record<string, string>>, filters: Filters): boolean {
  return Object.entries(filters).every(([name, values]) => values.includes(labels[name] ?? ''))
}

export const users: readonly Report[] = [growth, active, retention, segmentation]
