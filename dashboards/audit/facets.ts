import { timeRange } from '../infinity.ts'
import { apiTable } from '../tables.ts'

const counted = { selector: 'count', text: 'Events', type: 'string', width: 100 } as const
const nothing = { unit: 'none', width: 12, height: 8, noData: 'nothing was done, or you may not read the audit log' }

export const byAdmin = () =>
  apiTable({
    ...nothing,
    title: 'By admin',
    description: 'Events of the time range by who acted, with the newest name of each; exact to 10,000.',
    route: '/v1/audit/facets',
    parameters: timeRange,
    root: 'actors',
    columns: [
      { selector: 'text', text: 'Admin', type: 'string' },
      { selector: 'value', text: 'Id', type: 'string' },
      counted,
    ],
  })

export const byAction = () =>
  apiTable({
    ...nothing,
    title: 'By action',
    description: 'Events of the time range by what was done; exact to 10,000.',
    route: '/v1/audit/facets',
    parameters: timeRange,
    root: 'actions',
    columns: [{ selector: 'text', text: 'Action', type: 'string' }, counted],
  })
