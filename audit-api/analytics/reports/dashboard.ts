import { Type } from 'typebox'
import { generationsFinished, images } from '../../../catalogue/content.ts'
import { queueJobs, queueProcessingSeconds, takeableStates } from '../../../catalogue/infrastructure.ts'
import { value } from '../../../catalogue/promql.ts'
import { bugReportsOpen, influencerRequestsPending, jobsFailed } from '../../../catalogue/quick-actions.ts'
import { credits, mrr, refundAmount, refunds, subscriptions } from '../../../catalogue/revenue.ts'
import { activeUsers, signups, users } from '../../../catalogue/users.ts'
import { distinct, type Report, type Row, type Sources } from '../report.ts'
import { numberOrNull, text } from '../schema.ts'
import type { Figures } from '../sources/figures.ts'

const dashboard = 'barometer-home'

/** A figure of the queues; null where Prometheus is not there to ask: the other figures need not wait for it. */
async function asked({ prometheus }: Sources, expression: string): Promise<number | null> {
  try {
    return (await prometheus.query(expression))[0]?.value ?? null
  } catch {
    return null
  }
}

const waiting = `sum(${value(queueJobs, { state: takeableStates })})`
const failedOfDay = `sum(${value(jobsFailed)})`
const increaseOf = (name: string) => `sum(max without (instance, pod) (increase(${name}[1d])))`
const processing = `${increaseOf(`${queueProcessingSeconds.name}_sum`)} / (${increaseOf(`${queueProcessingSeconds.name}_count`)} > 0)`

const overview: Report = {
  path: 'dashboard/overview',
  dashboard,
  summary: 'The home dashboard in one answer (getOverview)',
  description:
    'What is now, as /metrics shows it. users.active: a session in the last 30 days; subscriptions.active: status active; content.totalImages ever; successRate of all generations that ended; jobs from Prometheus: queueLength waiting, avgProcessingTime in seconds over 24 h. What is not known is null. items has the same as one flat row.',
  parameters: {},
  item: {
    users_total: numberOrNull,
    users_new_today: numberOrNull,
    users_new_this_week: numberOrNull,
    users_active: numberOrNull,
    subscriptions_active: numberOrNull,
    content_total_images: numberOrNull,
    content_images_today: numberOrNull,
    content_success_rate: numberOrNull,
    jobs_queue_length: numberOrNull,
    jobs_failed_24h: numberOrNull,
    jobs_average_processing_seconds: numberOrNull,
  },
  more: {
    users: Type.Object({
      total: numberOrNull,
      newToday: numberOrNull,
      newThisWeek: numberOrNull,
      active: numberOrNull,
    }),
    subscriptions: Type.Object({ active: numberOrNull, byTier: Type.Record(Type.String(), Type.Number()) }),
    content: Type.Object({ totalImages: numberOrNull, today: numberOrNull, successRate: numberOrNull }),
    jobs: Type.Object({ queueLength: numberOrNull, failed24h: numberOrNull, avgProcessingTime: numberOrNull }),
  },
  load: async (_read, sources) => {
    const [queueLength, failed24h, avgProcessingTime] = await Promise.all([
      asked(sources, waiting),
      asked(sources, failedOfDay),
      asked(sources, processing),
    ])
    const jobs = { queueLength, failed24h, avgProcessingTime }
    return await sources.store.read(async (reading) => {
      const figures = await reading.figures()
      const parts = partsOf(figures)
      const flat = {
        users_total: parts.users.total,
        users_new_today: parts.users.newToday,
        users_new_this_week: parts.users.newThisWeek,
        users_active: parts.users.active,
        subscriptions_active: parts.subscriptions.active,
        content_total_images: parts.content.totalImages,
        content_images_today: parts.content.today,
        content_success_rate: parts.content.successRate,
        jobs_queue_length: queueLength,
        jobs_failed_24h: failed24h,
        jobs_average_processing_seconds: avgProcessingTime,
      }
      return { as_of: figures.asOf.toISOString(), timezone: reading.timezone, ...parts, jobs, items: [flat] }
    })
  },
}

function partsOf(figures: Figures) {
  const succeeded = figures.sum(generationsFinished, { status: 'succeeded' })
  const failed = figures.sum(generationsFinished, { status: 'failed' })
  const ended = succeeded === null || failed === null ? 0 : succeeded + failed
  const active = figures.series(subscriptions, { status: 'active' })
  const byTier = Object.fromEntries(active.map(({ labels, value: n }) => [labels.tier, n]))
  return {
    users: {
      total: figures.sum(users),
      newToday: figures.sum(signups, { window: 'today' }),
      newThisWeek: figures.sum(signups, { window: 'week' }),
      active: figures.sum(activeUsers, { window: '30d' }),
    },
    subscriptions: { active: figures.sum(subscriptions, { status: 'active' }), byTier },
    content: {
      totalImages: figures.sum(images, { window: 'ever' }),
      today: figures.sum(images, { window: 'today' }),
      successRate: succeeded === null || ended === 0 ? null : succeeded / ended,
    },
  }
}

const quickStats: Report = {
  path: 'dashboard/quick-stats',
  dashboard,
  summary: 'Small figures and what waits for somebody, a row each',
  description:
    'As /metrics shows them now; failed jobs from Prometheus. currency is empty where the figure is no money.',
  parameters: {},
  item: { stat: text, currency: text, value: numberOrNull },
  load: async (_read, sources) => {
    const failedJobs = await asked(sources, failedOfDay)
    return await sources.store.read(async (reading) => {
      const figures = await reading.figures()
      const plain = (stat: string, found: number | null): Row => ({ stat, currency: '', value: found })
      const money = (stat: string, series: readonly { labels: { currency: string }; value: number }[]): Row[] =>
        distinct(series.map(({ labels }) => labels.currency)).map((currency) => ({
          ...{ stat, currency },
          value: series.filter(({ labels }) => labels.currency === currency).reduce((sum, one) => sum + one.value, 0),
        }))
      const items = [
        plain('bug_reports_open', figures.sum(bugReportsOpen)),
        plain('influencer_requests_pending', figures.sum(influencerRequestsPending)),
        plain('jobs_failed_24h', failedJobs),
        plain('active_users_1d', figures.sum(activeUsers, { window: '1d' })),
        plain('active_users_7d', figures.sum(activeUsers, { window: '7d' })),
        plain('active_users_30d', figures.sum(activeUsers, { window: '30d' })),
        plain('signups_this_month', figures.sum(signups, { window: 'month' })),
        plain('credits_purchased_today', figures.sum(credits, { kind: 'purchased', window: 'today' })),
        plain('credits_consumed_today', figures.sum(credits, { kind: 'consumed', window: 'today' })),
        plain('credits_refunded_today', figures.sum(credits, { kind: 'refunded', window: 'today' })),
        plain('refunds_today', figures.sum(refunds, { window: 'today' })),
        ...money('refund_amount_today', figures.series(refundAmount, { window: 'today' })),
        ...money('mrr', figures.series(mrr)),
      ]
      return { as_of: figures.asOf.toISOString(), timezone: reading.timezone, items }
    })
  },
}

export const home: readonly Report[] = [overview, quickStats]
