import { changeBy, changeDuring, ratio, sumBy, value } from '../../catalogue/promql.ts'
import { mrr, mrrMovement } from '../../catalogue/revenue.ts'
import { colors } from '../colors.ts'
import { stat, timeseries } from '../panels.ts'
import { filter } from '../queries.ts'

const byCurrency = filter('currency')
const money = { unit: 'short', decimals: 2, noData: 'no subscription has been paid for' }
const definition =
  'Monthly value of subscriptions active or past due: no trials, no paused ones, before tax, after recurring discounts; in major units.'

type Movement = NonNullable<typeof mrrMovement.labels.movement.values>[number]
const moved = (...movement: Movement[]) => changeDuring(['currency'], mrrMovement, { ...byCurrency, movement }, '1d')
const movedIn = (window: string, ...movement: Movement[]) =>
  changeBy(['currency'], mrrMovement, { ...byCurrency, movement }, window)

export const mrrNow = () =>
  stat({
    ...money,
    title: 'MRR',
    width: 20,
    color: colors.success,
    description: `${definition} Now, by currency.`,
    queries: [{ expression: sumBy(['currency'], value(mrr, filter('currency', 'tier'))), legend: '{{currency}}' }],
  })

export const mrrOverTime = () =>
  timeseries({
    ...money,
    title: 'MRR over time, $currency',
    width: 12,
    stacked: true,
    repeat: 'currency',
    description: `${definition} By tier, a panel for each currency.`,
    queries: [
      {
        expression: sumBy(['currency', 'tier'], value(mrr, filter('currency', 'tier'))),
        legend: '{{tier}}',
      },
    ],
  })

export const movements = () =>
  timeseries({
    ...money,
    title: 'MRR movements a day, $currency',
    width: 12,
    repeat: 'currency',
    step: '1d',
    bars: true,
    stacked: true,
    canBeNegative: true,
    lines: ['net'],
    description:
      'What MRR gained and lost on each day, by kind of event; net is new + expansion + reactivation - contraction - churn. The last bar is today so far. A panel for each currency.',
    queries: [
      ...(['new', 'expansion', 'reactivation'] as const).map((movement) => ({
        expression: moved(movement),
        legend: movement,
      })),
      ...(['contraction', 'churn'] as const).map((movement) => ({
        expression: `-1 * ${moved(movement)}`,
        legend: movement,
      })),
      {
        expression: `${moved('new', 'expansion', 'reactivation')} - ${moved('contraction', 'churn')}`,
        legend: 'net',
      },
    ],
  })

export const quickRatio = () =>
  timeseries({
    title: 'Quick ratio, 30 days',
    width: 24,
    step: '1d',
    unit: 'short',
    decimals: 1,
    noData: 'nothing was lost in 30 days, or no figures of 30 days before yet',
    description:
      '(new + expansion + reactivation) / (contraction + churn) of the 30 days before each instant: above 1 it grows, 4 is good.',
    queries: [
      {
        expression: ratio(movedIn('30d', 'new', 'expansion', 'reactivation'), movedIn('30d', 'contraction', 'churn')),
        legend: '{{currency}}',
      },
    ],
  })
