import * as content from '../../catalogue/content.ts'
import type { LabelsOf, Metric } from '../../catalogue/define.ts'
import { snapshotTimestampSeconds } from '../../catalogue/exporter.ts'
import { dependencyUp, queueJobs, waitingStates } from '../../catalogue/infrastructure.ts'
import { bugReportsOpen, influencerRequestsPending, jobsFailed } from '../../catalogue/quick-actions.ts'
import * as revenue from '../../catalogue/revenue.ts'
import * as users from '../../catalogue/users.ts'
import type { Reading } from '../exposition.ts'

/** The metrics that the overview reads. */
export const overviewMetrics: readonly Metric[] = [
  users.users,
  users.signups,
  users.activeUsers,
  content.characters,
  content.images,
  content.generationsFinished,
  revenue.subscriptions,
  revenue.mrr,
  revenue.credits,
  revenue.refunds,
  revenue.refundAmount,
  bugReportsOpen,
  influencerRequestsPending,
  jobsFailed,
  queueJobs,
  dependencyUp,
  snapshotTimestampSeconds,
]

/** A figure that is not there (a view missing, a queue not watched) is null, never 0. */
type Figure = number | null

export interface Health {
  dependency: string
  target: string
  healthy: boolean
}

/** The home dashboard's figures. Money is in major units by currency. */
export interface Overview {
  /** ISO time of the snapshot. */
  asOf: string | null
  users: {
    total: Figure
    newToday: Figure
    newThisWeek: Figure
    newThisMonth: Figure
    dailyActive: Figure
    weeklyActive: Figure
    monthlyActive: Figure
  }
  content: { characters: Figure; images: Figure; imagesToday: Figure; successRate: Figure }
  revenue: {
    activeSubscriptions: Figure
    activeByTier: Record<string, number>
    monthlyRecurring: Record<string, number>
    creditsPurchasedToday: Figure
    creditsConsumedToday: Figure
    refundsToday: Figure
    refundedToday: Record<string, number>
  }
  quickActions: { bugReportsOpen: Figure; influencerRequestsPending: Figure; jobsFailed24h: Figure }
  queues: { length: Figure; byQueue: Record<string, number> }
  health: { overall: 'healthy' | 'degraded' | 'unknown'; dependencies: Health[] }
}

/** The overview from readings of the exporter or of Prometheus. */
export function overviewFrom(readings: readonly Reading[]): Overview {
  const sum = <Of extends Metric>(metric: Of, where?: Where<Of>): Figure => total(select(readings, metric, where))
  const by = <Of extends Metric>(metric: Of, label: keyof LabelsOf<Of> & string, where?: Where<Of>) =>
    totalsBy(select(readings, metric, where), label)
  const waiting = select(readings, queueJobs).filter((reading) =>
    waitingStates.some((state) => state === reading.labels.state),
  )
  const today = { window: 'today' } as const
  const active = { status: 'active' } as const
  return {
    asOf: instant(sum(snapshotTimestampSeconds)),
    users: {
      total: sum(users.users),
      newToday: sum(users.signups, today),
      newThisWeek: sum(users.signups, { window: 'week' }),
      newThisMonth: sum(users.signups, { window: 'month' }),
      dailyActive: sum(users.activeUsers, { window: '1d' }),
      weeklyActive: sum(users.activeUsers, { window: '7d' }),
      monthlyActive: sum(users.activeUsers, { window: '30d' }),
    },
    content: {
      characters: sum(content.characters),
      images: sum(content.images, { window: 'ever' }),
      imagesToday: sum(content.images, today),
      successRate: successRate(readings),
    },
    revenue: {
      activeSubscriptions: sum(revenue.subscriptions, active),
      activeByTier: positive(by(revenue.subscriptions, 'tier', active)),
      monthlyRecurring: by(revenue.mrr, 'currency'),
      creditsPurchasedToday: sum(revenue.credits, { kind: 'purchased', ...today }),
      creditsConsumedToday: sum(revenue.credits, { kind: 'consumed', ...today }),
      refundsToday: sum(revenue.refunds, today),
      refundedToday: positive(by(revenue.refundAmount, 'currency', today)),
    },
    quickActions: {
      bugReportsOpen: sum(bugReportsOpen),
      influencerRequestsPending: sum(influencerRequestsPending),
      jobsFailed24h: sum(jobsFailed, { window: '1d' }),
    },
    queues: { length: total(waiting), byQueue: totalsBy(waiting, 'queue') },
    health: health(readings),
  }
}

function health(readings: readonly Reading[]): Overview['health'] {
  const dependencies = select(readings, dependencyUp)
    .map(({ labels, value }) => ({
      dependency: labels.dependency ?? 'unknown',
      target: labels.target ?? 'unknown',
      healthy: value === 1,
    }))
    .sort((one, other) => `${one.dependency} ${one.target}`.localeCompare(`${other.dependency} ${other.target}`))
  if (dependencies.length === 0) return { overall: 'unknown', dependencies }
  return { overall: dependencies.every((dependency) => dependency.healthy) ? 'healthy' : 'degraded', dependencies }
}

/** succeeded / (succeeded + failed), ever: cancelled count in neither. Null where nothing has finished. */
function successRate(readings: readonly Reading[]): Figure {
  const finished = (status: 'succeeded' | 'failed'): number =>
    total(select(readings, content.generationsFinished, { status })) ?? 0
  const all = finished('succeeded') + finished('failed')
  return all === 0 ? null : finished('succeeded') / all
}

type Where<Of extends Metric> = Partial<LabelsOf<Of>>

function select<Of extends Metric>(readings: readonly Reading[], metric: Of, where: Where<Of> = {}): Reading[] {
  return readings.filter(
    ({ name, labels }) =>
      name === metric.name && Object.entries(where).every(([label, value]) => labels[label] === value),
  )
}

function total(readings: readonly Reading[]): Figure {
  return readings.length === 0 ? null : readings.reduce((sum, { value }) => sum + value, 0)
}

function totalsBy(readings: readonly Reading[], label: string): Record<string, number> {
  const totals: Record<string, number> = {}
  for (const { labels, value } of readings) {
    const key = labels[label] ?? 'unknown'
    totals[key] = (totals[key] ?? 0) + value
  }
  return Object.fromEntries(Object.entries(totals).sort(([one], [other]) => one.localeCompare(other)))
}

const positive = (totals: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(totals).filter(([, value]) => value > 0))

const instant = (seconds: Figure): string | null =>
  seconds === null || seconds <= 0 ? null : new Date(seconds * 1_000).toISOString()
