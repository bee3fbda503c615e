import { expect, test } from 'vitest'
import { parseExposition } from '../exposition.ts'
import { overviewFrom } from './figures.ts'
import { renderOverview } from './render.ts'

const exposition = `
platform_snapshot_timestamp_seconds 1790000000.5
platform_users{tier="free",country="DE",characters="0",activity="casual"} 1200
platform_users{tier="pro",country="unknown",characters="1",activity="power"} 34
platform_signups{window="today",source="direct",country="DE"} 5
platform_signups{window="week",source="direct",country="DE"} 15
platform_signups{window="ever",source="direct",country="DE"} 1300
platform_active_users{window="1d",tier="free",country="DE"} 100
platform_active_users{window="1d",tier="pro",country="DE"} 20
platform_active_users{window="7d",tier="free",country="DE"} 300
platform_images{window="ever"} 9000
platform_images{window="today"} 90
platform_generations_finished{type="studio",quality="hq",rating="sfw",aspect_ratio="1:1",status="succeeded"} 90
platform_generations_finished{type="studio",quality="hq",rating="sfw",aspect_ratio="1:1",status="failed"} 10
platform_generations_finished{type="studio",quality="hq",rating="sfw",aspect_ratio="1:1",status="cancelled"} 50
platform_subscriptions{tier="pro",status="active"} 30
platform_subscriptions{tier="pro",status="canceled"} 3
platform_subscriptions{tier="basic",status="active"} 0
platform_mrr{currency="EUR",tier="pro"} 1000.5
platform_mrr{currency="EUR",tier="basic"} 1
platform_mrr{currency="JPY",tier="pro"} 50000
platform_credits{kind="purchased",window="today"} 700
platform_credits{kind="purchased",window="week"} 7000
platform_refunds{currency="EUR",window="today"} 2
platform_refund_amount{currency="EUR",window="today"} 19.9
platform_queue_jobs{queue="generation",state="waiting"} 4
platform_queue_jobs{queue="generation",state="prioritized"} 1
platform_queue_jobs{queue="generation",state="delayed"} 100
platform_jobs_failed{queue="generation",window="1d"} 7
platform_dependency_up{dependency="redis",target="cache:6379"} 0
platform_dependency_up{dependency="postgres",target="db:5432"} 1
`

test('the overview adds up what may be added and keeps currencies apart', () => {
  expect(overviewFrom(parseExposition(exposition))).toMatchObject({
    asOf: '2026-09-21T14:13:20.500Z',
    users: { total: 1234, newToday: 5, newThisWeek: 15, newThisMonth: null, dailyActive: 120, weeklyActive: 300 },
    content: { images: 9000, imagesToday: 90, successRate: 0.9, characters: null },
    revenue: {
      activeSubscriptions: 30,
      activeByTier: { pro: 30 },
      monthlyRecurring: { EUR: 1001.5, JPY: 50_000 },
      creditsPurchasedToday: 700,
      creditsConsumedToday: null,
      refundsToday: 2,
      refundedToday: { EUR: 19.9 },
    },
    quickActions: { jobsFailed24h: 7, bugReportsOpen: null },
    queues: { length: 5, byQueue: { generation: 5 } },
    health: {
      overall: 'degraded',
      dependencies: [
        { dependency: 'postgres', target: 'db:5432', healthy: true },
        { dependency: 'redis', target: 'cache:6379', healthy: false },
      ],
    },
  })
})

test('with nothing to read no figure is 0 and no health is claimed', () => {
  const overview = overviewFrom([])
  expect(overview.asOf).toBeNull()
  expect(overview.health.overall).toBe('unknown')
  const figures = [overview.users, overview.content, overview.quickActions].flatMap((part) => Object.values(part))
  expect(new Set(figures)).toEqual(new Set([null]))
})

test('the overview in a terminal', () => {
  const now = new Date('2026-09-21T14:13:42Z')
  expect(renderOverview(overviewFrom(parseExposition(exposition)), now)).toMatchInlineSnapshot(`
    "Barometer, as of 2026-09-21 14:13:20 UTC (22 s ago)

      Users             1,234   new today 5 · week 15 · month –
      Active            DAU 120 · WAU 300 · MAU –
      Characters        –
      Images            9,000   today 90 · success rate 90.0 %
      Subscriptions     30 active   pro 30
      MRR               1,001.50 EUR · 50,000 JPY
      Credits today     purchased 700 · consumed –
      Refunds today     2   19.90 EUR
      Queue             5 waiting   generation 5
      Failed jobs 24 h  7
      To do             bug reports – · influencer requests –
      Health            degraded
        up    postgres db:5432
        DOWN  redis cache:6379
    "
  `)
})
