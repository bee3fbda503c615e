import { Type } from 'typebox'
import { distinct, periodsOf, type Report, ratio, Sums } from '../report.ts'
import { bucketProperties, count, numberOrNull, text } from '../schema.ts'

const filters = ['type', 'quality', 'rating'] as const
const dashboard = 'barometer-content'

const generations: Report = {
  path: 'content/generations',
  dashboard,
  summary: 'Generations and images by period',
  description:
    'created by created_at; succeeded, failed, cancelled and images by finished_at. success_rate = succeeded / (succeeded + failed).',
  parameters: { period: true, filters, choices: { by: ['none', 'type', 'quality', 'rating', 'aspect_ratio'] } },
  item: {
    ...bucketProperties,
    group: text,
    created: count,
    succeeded: count,
    failed: count,
    cancelled: count,
    images: count,
    success_rate: numberOrNull,
  },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const { buckets, range } = await periodsOf(reading, read.asked)
      const columns = ['created', 'succeeded', 'failed', 'cancelled', 'images'] as const
      type Found = { bucket: string; part: string } & Record<(typeof columns)[number], string>
      const found = await reading.sums<Found>('generations', {
        ...{ period: read.asked.period, range, filters: { ...read.filters, by: read.choices.by ?? 'none' } },
      })
      const sums = new Sums()
      for (const row of found) for (const column of columns) sums.add([column, row.bucket, row.part], row[column])
      const groups = read.choices.by === 'none' ? ['all'] : distinct(found.map((row) => row.part))
      const items = buckets.flatMap((bucket) =>
        groups.map((group) => {
          const of = (column: (typeof columns)[number]) => sums.get(column, bucket.period, group)
          const [succeeded, failed] = [of('succeeded'), of('failed')]
          return {
            ...{ ...bucket, group, created: of('created'), succeeded, failed },
            ...{ cancelled: of('cancelled'), images: of('images'), success_rate: ratio(succeeded, succeeded + failed) },
          }
        }),
      )
      return { as_of: reading.asOf, timezone: reading.timezone, items }
    }),
}

const categories = ['scene', 'environment', 'outfit', 'pose'] as const

const popular: Report = {
  path: 'content/popular',
  dashboard,
  summary: 'What is generated most',
  description:
    'Succeeded generations by finished_at with a scene, environment, outfit or pose, the most frequent first, for any range. Nothing is folded into other.',
  parameters: { range: true, filters, choices: { category: ['all', ...categories] }, limit: { default: 20, max: 500 } },
  item: { category: text, rank: count, item: text, generations: count, share: numberOrNull },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const { range } = await periodsOf(reading, read.asked)
      const wanted = categories.filter((one) => read.choices.category === 'all' || read.choices.category === one)
      type Found = { category: string; item: string; n: string }
      const found = await reading.sums<Found>('popular', {
        ...{ period: 'all', range, filters: { ...read.filters, category: wanted } },
      })
      const items = wanted.flatMap((category) => {
        const own = found.filter((row) => row.category === category).map((row) => ({ ...row, n: Number(row.n) }))
        const total = own.reduce((sum, { n }) => sum + n, 0)
        own.sort((one, other) => other.n - one.n || (one.item < other.item ? -1 : 1))
        return own
          .slice(0, read.limit)
          .map(({ item, n }, place) => ({ category, rank: place + 1, item, generations: n, share: ratio(n, total) }))
      })
      return { as_of: reading.asOf, timezone: reading.timezone, items }
    }),
}

const performance: Report = {
  path: 'content/performance',
  dashboard,
  summary: 'Time, success and failures of generations by period',
  description:
    'By finished_at. Durations are finished_at - started_at of succeeded ones of everybody, exact quantiles; success_rate leaves internal users out. Read from the views by the index on finished_at.',
  parameters: { period: true, filters, choices: { by: ['none', 'type', 'quality', 'rating', 'aspect_ratio'] } },
  item: {
    ...bucketProperties,
    group: text,
    succeeded: count,
    failed: count,
    cancelled: count,
    success_rate: numberOrNull,
    mean_seconds: numberOrNull,
    p50_seconds: numberOrNull,
    p95_seconds: numberOrNull,
  },
  more: {
    failures: Type.Array(Type.Object({ period: text, type: text, reason: text, failures: count })),
  },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const { buckets, range } = await periodsOf(reading, read.asked)
      const { period } = read.asked
      type Seconds = 'mean_seconds' | 'p50_seconds' | 'p95_seconds'
      type Found = { bucket: string; part: string } & Record<'succeeded' | 'failed' | 'cancelled', string> &
        Record<Seconds, string | null>
      const found = await reading.sums<Found>('performance', {
        ...{ period, range, filters: { ...read.filters, by: read.choices.by ?? 'none' } },
      })
      const rows = new Map(found.map((row) => [`${row.bucket} ${row.part}`, row]))
      const groups = read.choices.by === 'none' ? ['all'] : distinct(found.map((row) => row.part))
      const items = buckets.flatMap((bucket) =>
        groups.map((group) => {
          const row = rows.get(`${bucket.period} ${group}`)
          const [succeeded, failed] = [Number(row?.succeeded ?? 0), Number(row?.failed ?? 0)]
          const seconds = (name: Seconds) => (row?.[name] == null ? null : Number(row[name]))
          return {
            ...{ ...bucket, group, succeeded, failed, cancelled: Number(row?.cancelled ?? 0) },
            success_rate: ratio(succeeded, succeeded + failed),
            mean_seconds: seconds('mean_seconds'),
            p50_seconds: seconds('p50_seconds'),
            p95_seconds: seconds('p95_seconds'),
          }
        }),
      )
      type Failure = { bucket: string; type: string; reason: string; n: string }
      const failed = await reading.sums<Failure>('failures', { period, range, filters: read.filters })
      const failures = failed
        .map(({ bucket, type, reason, n }) => ({ period: bucket, type, reason, failures: Number(n) }))
        .sort((one, other) => one.period.localeCompare(other.period) || other.failures - one.failures)
      return { as_of: reading.asOf, timezone: reading.timezone, failures, items }
    }),
}

export const content: readonly Report[] = [generations, popular, performance]
