import { colors } from '../colors.ts'
import { timeRange } from '../infinity.ts'
import { toAuditApi, uids } from '../links.ts'
import { apiStat, apiTable } from '../tables.ts'

/** Lines of one page. */
const linesAPage = 50

/** The board's variables as the API's parameters; the API takes `__all` for no filter. */
const filters = [
  ...timeRange,
  ['actor', '${admin:csv}'],
  ['action', '${action:csv}'],
  ['target_type', '${resource_type:csv}'],
  ['outcome', '${outcome:csv}'],
  ['target_id', '${target:raw}'],
  ['q', '${q:raw}'],
] as const

/** In a link whatever is chosen or typed must be encoded; of several values Grafana then makes `{a,b}`, which the file takes. */
const filtersInLink = filters.map(([key, value]) => [key, value.replace(/:(?:csv|raw)/, ':percentencode')] as const)

const nothing = { unit: 'none', noData: 'nothing matches, or you may not read the audit log' }

export const eventCount = () =>
  apiStat({
    ...nothing,
    title: 'Events that match',
    width: 20,
    color: colors.primary,
    description: 'All that the filters and the time range leave; exact to 10,000, then "10000+".',
    route: '/v1/audit/events',
    parameters: [...filters, ['limit', '1']],
    root: '',
    columns: [{ selector: 'total', text: 'Events', type: 'string' }],
  })

const setsPage = [
  `/d/${uids.audit}?\${__url_time_range}`,
  ...['datasource', 'admin', 'action', 'resource_type', 'outcome', 'target', 'q'].map(
    (name) => `\${${name}:queryparam}`,
  ),
  'var-page=${__data.fields.Value}',
].join('&')

/**
 * The other filters are set to nothing, since Grafana may keep what a link does not name; unless told otherwise it leaves the
 * characters of an address in a value as they are.
 */
const setsTarget = [
  `/d/${uids.audit}?\${__url_time_range}`,
  '${datasource:queryparam}',
  ...['admin', 'action', 'outcome'].map((name) => `var-${name}=All`),
  'var-resource_type=${__data.fields.Resource:percentencode}',
  'var-target=${__value.raw:percentencode}',
  'var-q=',
  'var-page=0',
].join('&')

export const pager = () =>
  apiTable({
    ...nothing,
    title: 'Pages',
    width: 3,
    height: 16,
    description: `Pages of ${linesAPage} events; click one to see it. After a change of the filters go back to the first.`,
    route: '/v1/audit/pages',
    parameters: [...filters, ['limit', String(linesAPage)], ['page', '${page:raw}']],
    columns: [
      { selector: 'label', text: 'Page', type: 'string', link: { title: 'Go to this page', url: setsPage } },
      { selector: 'page', text: 'Value', type: 'number', hidden: true },
    ],
  })

const outcomes = [
  { value: 'success', text: 'success', color: colors.success },
  { value: 'failure', text: 'failure', color: colors.error },
]

export const events = () =>
  apiTable({
    ...nothing,
    title: 'Events',
    width: 21,
    height: 16,
    description: `Actions of admins, systems and API keys, newest first, ${linesAPage} a page. Names are as they were at the time.`,
    route: '/v1/audit/events',
    parameters: [...filters, ['limit', String(linesAPage)], ['page', '${page:raw}']],
    panelLinks: [
      toAuditApi('Export CSV (all matching)', '/v1/audit/events.csv', filtersInLink),
      toAuditApi('Export NDJSON (all matching)', '/v1/audit/events.csv', [...filtersInLink, ['format', 'ndjson']]),
    ],
    columns: [
      { selector: 'occurred_at', text: 'Time', type: 'timestamp', width: 170 },
      { selector: 'actor.name', text: 'Admin', type: 'string', width: 130 },
      { selector: 'action', text: 'Action', type: 'string', width: 170 },
      { selector: 'target.type', text: 'Resource', type: 'string', width: 120 },
      { selector: 'target.name', text: 'Name', type: 'string', width: 160 },
      {
        selector: 'target.id',
        text: 'Target',
        type: 'string',
        width: 120,
        link: { title: 'Everything that was done to it', url: setsTarget },
      },
      { selector: 'outcome', text: 'Outcome', type: 'string', width: 90, mappings: outcomes },
      { selector: 'changes', text: 'Changes', type: 'string', inspect: true },
      { selector: 'metadata', text: 'Details', type: 'string', inspect: true },
      { selector: 'context.ip', text: 'Address', type: 'string', width: 120 },
      { selector: 'context.request_id', text: 'Request', type: 'string', width: 120 },
    ],
  })
