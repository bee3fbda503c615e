import { popularGenerations } from '../../catalogue/content.ts'
import { sumBy, topmost, value } from '../../catalogue/promql.ts'
import { barGauge } from '../charts.ts'
import { apiFilter, timeRange } from '../infinity.ts'
import { apiTable } from '../tables.ts'

const categories = [
  { category: 'scene', title: 'scenes' },
  { category: 'environment', title: 'environments' },
  { category: 'outfit', title: 'outfits' },
  { category: 'pose', title: 'poses' },
] as const

/** As many as fit a panel. */
const shown = 15

export const popular = () =>
  categories.map(({ category, title }) =>
    barGauge({
      title: `Popular ${title}`,
      width: 6,
      height: 12,
      unit: 'short',
      noData: `no ${category} was asked for in this window`,
      description: `Succeeded generations in the window chosen above, by the ${category} asked for: the ${shown} greatest of those that were chosen this morning.`,
      queries: [
        {
          expression: `sort_desc(${topmost(
            shown,
            `${sumBy(['item'], value(popularGenerations, { category, window: { matches: '$window' }, item: { not: 'other' } }))} > 0`,
          )})`,
          legend: '{{item}}',
        },
      ],
    }),
  )

export const popularInRange = () =>
  categories.map(({ category, title }) =>
    apiTable({
      title: `Top ${title} in the range`,
      width: 6,
      height: 12,
      unit: 'short',
      noData: `no ${category} was asked for in this time`,
      description: `Succeeded generations in the time range of the board, by the ${category} asked for. Exact for any range, by the audit API.`,
      route: '/v1/analytics/content/popular',
      parameters: [['category', category], ['limit', '20'], ...timeRange, ...apiFilter('type', 'quality', 'rating')],
      columns: [
        { selector: 'item', text: 'Item', type: 'string' },
        { selector: 'generations', text: 'Generations', type: 'number', unit: 'short', width: 110 },
      ],
    }),
  )
