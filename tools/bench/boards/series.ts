import type { Metric } from '../../../catalogue/define.ts'
import { type Job, jobs as jobNames, scrapeSeconds } from '../../../catalogue/jobs.ts'
import type { Family } from '../../../exporter/store/figure.ts'
import { written } from '../../../exporter/store/written.ts'
import { renderName } from '../../../lib/exposition.ts'
import { type LiveMetric, type LiveSeries, liveMetrics } from './live.ts'
import { about, counting, type Movement, movementOfFigure, noise, type Span, seedOf } from './movement.ts'

/** A series as Prometheus has it. */
export interface Series {
  name: string
  labels: Readonly<Record<string, string>>
  job: Job
  movement: Movement
}

/** Series under their family, as an exposition has them. */
export interface SeriesFamily {
  family: { name: string; type: string; help: string }
  series: readonly Series[]
}

/** Where each job is scraped, and how often what it shows is computed again. */
export const jobs: Readonly<Record<Job, { instance: string; scrapeSeconds: number; refreshSeconds: number }>> = {
  'barometer-exporter': {
    instance: 'exporter:9464',
    scrapeSeconds: scrapeSeconds['barometer-exporter'],
    refreshSeconds: 60,
  },
  'barometer-probes': {
    instance: 'exporter:9464',
    scrapeSeconds: scrapeSeconds['barometer-probes'],
    refreshSeconds: 5,
  },
  'barometer-audit-api': {
    instance: 'audit-api:9465',
    scrapeSeconds: scrapeSeconds['barometer-audit-api'],
    refreshSeconds: 5,
  },
  'platform-api': { instance: 'platform-api:8080', scrapeSeconds: scrapeSeconds['platform-api'], refreshSeconds: 15 },
}

/**
 * Everything that a Prometheus of this product has: the figures of the exporter, what is measured live, and what Prometheus
 * says of its scrapes and alerts. Families are in order and each is there once.
 * @param figures what an exporter showed at the end of the span
 */
export function seriesOf(figures: readonly Family[], span: Span): SeriesFamily[] {
  const families = [
    ...figures.map((family) => ofFigures(family, span)),
    ...liveMetrics.map((live) => ofLive(live, span)),
    ...ofPrometheus(span),
  ]
  const merged = new Map<string, SeriesFamily>()
  for (const { family, series } of families) {
    const before = merged.get(family.name)?.series ?? []
    merged.set(family.name, { family, series: [...before, ...series] })
  }
  return [...merged.values()].sort((one, other) => (one.family.name < other.family.name ? -1 : 1))
}

const textLabels = (labels: Readonly<Record<string, string | number>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, name === 'le' ? boundText(value) : `${value}`]),
  )

/** As OpenMetrics has the bound of a bucket. */
const boundText = (bound: string | number): string => (/^\d+$/.test(`${bound}`) ? `${bound}.0` : `${bound}`)

/** The same for all parts of a histogram, whose buckets then rise together. */
function seedOfLabels(metric: Metric, { le: _, ...labels }: Readonly<Record<string, string>>): number {
  return seedOf(renderName({ name: metric.name, labels }, 'text'))
}

function ofFigures(family: Family, span: Span): SeriesFamily {
  const { metric } = family
  const { name, type, help, series } = written(family)
  return {
    family: { name, type, help },
    series: series.map((one) => {
      const labels = textLabels(one.labels)
      const figure = { metric, labels, value: one.value, seed: seedOfLabels(metric, labels) }
      return { name: one.name, labels, job: 'barometer-exporter', movement: movementOfFigure(figure, span) }
    }),
  }
}

function ofLive({ job, metric, series }: LiveMetric, span: Span): SeriesFamily {
  const { name, type, help } = metric
  const move = { metric, span, everySeconds: jobs[job].scrapeSeconds }
  const movements = series.map((each) => ({ each, seed: seedOfLabels(metric, each.labels) }))
  return {
    family: { name, type, help },
    series: movements.flatMap(({ each, seed }) =>
      (type === 'histogram' ? partsOfHistogram : single)({ ...move, each, seed }).map((part) => ({ ...part, job })),
    ),
  }
}

interface Move {
  metric: Metric
  span: Span
  everySeconds: number
  each: LiveSeries
  seed: number
}

type Part = Pick<Series, 'name' | 'labels' | 'movement'>

function single({ metric, span, everySeconds, each: { labels, size }, seed }: Move): Part[] {
  const { name, type, unit } = metric
  const isSteady = unit === 'bool' || unit === 'info' || name.endsWith('_total_bytes')
  const movement: Movement =
    unit === 'timestamp'
      ? (at) => at - noise(seed, at)
      : isSteady
        ? () => size
        : type === 'counter' || name.endsWith('_sequence')
          ? counting(size, seed, span, everySeconds)
          : about(size, seed)
  return [{ name, labels, movement }]
}

/** Observations are spread as waits are: half of them within 0.7 of the mean. */
function partsOfHistogram({ metric, span, everySeconds, each: { labels, size, meanSeconds = 1 }, seed }: Move): Part[] {
  const { name, buckets = [] } = metric
  const count = counting(size, seed, span, everySeconds)
  const below = buckets.map((bound) => {
    const share = 1 - Math.exp(-bound / meanSeconds)
    return {
      name: `${name}_bucket`,
      labels: { ...labels, le: boundText(bound) },
      movement: (at: number) => Math.floor(count(at) * share),
    }
  })
  return [
    ...below,
    { name: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, movement: count },
    { name: `${name}_sum`, labels, movement: (at) => count(at) * meanSeconds },
    { name: `${name}_count`, labels, movement: count },
  ]
}

const hour = 3_600

/** Alerts that fired for an hour each, beside the one that always does; each is a series only while it fires. */
const firings = [
  { alertname: 'QueueStalled', component: 'queue', severity: 'critical', daysBeforeEnd: 2 },
  { alertname: 'CollectorFailing', component: 'exporter', severity: 'warning', daysBeforeEnd: 9 },
  { alertname: 'ApiDown', component: 'api', severity: 'critical', daysBeforeEnd: 17 },
]

/** What Prometheus itself says. A movement that is not a number is no sample. */
function ofPrometheus({ ends }: Span): SeriesFamily[] {
  const ofEach = (name: string, help: string, movement: (job: Job) => Movement): SeriesFamily => ({
    family: { name, type: 'gauge', help },
    series: jobNames.map((job) => ({ name, labels: {}, job, movement: movement(job) })),
  })
  const alert = (labels: Record<string, string>, movement: Movement): Series => ({
    ...{ name: 'ALERTS', labels: { alertstate: 'firing', ...labels } },
    ...{ job: 'barometer-exporter', movement },
  })
  return [
    ofEach('up', 'Whether the last scrape succeeded.', () => () => 1),
    ofEach('scrape_duration_seconds', 'Duration of the scrape.', (job) => (at) => 0.004 + noise(seedOf(job), at) / 300),
    ofEach('scrape_samples_scraped', 'Samples of the scrape.', (job) => () => job.length * 100),
    {
      family: { name: 'ALERTS', type: 'gauge', help: 'Alerts that wait or fire.' },
      series: [
        alert({ alertname: 'Watchdog', component: 'barometer', severity: 'none' }, () => 1),
        ...firings.map(({ daysBeforeEnd, ...labels }) => {
          const began = ends - daysBeforeEnd * 24 * hour
          return alert(labels, (at) => (at >= began && at < began + hour ? 1 : Number.NaN))
        }),
      ],
    },
  ]
}
