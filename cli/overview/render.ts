import { currencyDecimals, usualCurrencyDecimals } from '../../catalogue/currencies.ts'
import type { Overview } from './figures.ts'

const count = (value: number | null): string => (value === null ? '–' : value.toLocaleString('en-US'))
const percent = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(1)} %`)

function money(byCurrency: Record<string, number>): string {
  const amounts = Object.entries(byCurrency).map(([currency, amount]) => {
    const decimals = currencyDecimals[currency] ?? usualCurrencyDecimals
    const shown = amount.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    return `${shown} ${currency}`
  })
  return amounts.length === 0 ? '–' : amounts.join(' · ')
}

function counts(byName: Record<string, number>): string {
  return Object.entries(byName)
    .map(([name, value]) => `${name} ${count(value)}`)
    .join(' · ')
}

/** The overview as text for a terminal. A figure that is not there is a dash. */
export function renderOverview(overview: Overview, now: Date): string {
  const { users, content, revenue, quickActions, queues, health } = overview
  const byQueue = counts(queues.byQueue)
  const rows: [string, string][] = [
    [
      'Users',
      `${count(users.total)}   new today ${count(users.newToday)} · week ${count(users.newThisWeek)} · month ${count(users.newThisMonth)}`,
    ],
    [
      'Active',
      `DAU ${count(users.dailyActive)} · WAU ${count(users.weeklyActive)} · MAU ${count(users.monthlyActive)}`,
    ],
    ['Characters', count(content.characters)],
    [
      'Images',
      `${count(content.images)}   today ${count(content.imagesToday)} · success rate ${percent(content.successRate)}`,
    ],
    ['Subscriptions', `${count(revenue.activeSubscriptions)} active   ${counts(revenue.activeByTier)}`.trimEnd()],
    ['MRR', money(revenue.monthlyRecurring)],
    [
      'Credits today',
      `purchased ${count(revenue.creditsPurchasedToday)} · consumed ${count(revenue.creditsConsumedToday)}`,
    ],
    ['Refunds today', refunds(revenue.refundsToday, revenue.refundedToday)],
    ['Queue', `${count(queues.length)} waiting${byQueue === '' ? '' : `   ${byQueue}`}`],
    ['Failed jobs 24 h', count(quickActions.jobsFailed24h)],
    [
      'To do',
      `bug reports ${count(quickActions.bugReportsOpen)} · influencer requests ${count(quickActions.influencerRequestsPending)}`,
    ],
    ['Health', health.overall],
  ]
  const lines = rows.map(([name, text]) => `  ${name.padEnd(18)}${text}`)
  const targets = health.dependencies.map(
    ({ dependency, target, healthy }) => `    ${healthy ? 'up  ' : 'DOWN'}  ${dependency} ${target}`,
  )
  return [`Barometer, as of ${age(overview.asOf, now)}`, '', ...lines, ...targets, ''].join('\n')
}

function refunds(number: number | null, amounts: Record<string, number>): string {
  return Object.keys(amounts).length === 0 ? count(number) : `${count(number)}   ${money(amounts)}`
}

function age(asOf: string | null, now: Date): string {
  if (asOf === null) return 'never: there is no snapshot yet'
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(asOf)) / 1_000))
  return `${asOf.slice(0, 19).replace('T', ' ')} UTC (${seconds} s ago)`
}
