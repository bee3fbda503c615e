import { averageOf, sumBy } from '../../catalogue/promql.ts'
import { errorRate as recordedErrors } from '../../catalogue/recordings.ts'
import type { BoardSettings } from '../board.ts'
import { timeRange } from '../infinity.ts'
import { timeseries } from '../panels.ts'
import { apiTable } from '../tables.ts'
import { recorded } from './states.ts'

const none = { noData: 'no error was reported in this time, or you may not read them' }

export const errorRate = () =>
  timeseries({
    ...recorded,
    title: 'Errors by type',
    width: 12,
    height: 10,
    unit: 'cps',
    noData: 'no error was ever reported',
    stacked: true,
    description:
      'Errors a second that the services of the platform reported; the 50 most frequent types, the rest is other.',
    queries: [
      {
        expression: sumBy(['service', 'error_type'], averageOf(recordedErrors, {}, '$__interval')),
        legend: '{{service}} {{error_type}}',
      },
    ],
  })

export const errorGroups = () =>
  apiTable({
    ...none,
    title: 'Error types',
    width: 12,
    height: 10,
    unit: 'none',
    description: 'Errors reported in the time range of the board by service and type, the most frequent first.',
    route: '/v1/errors/groups',
    parameters: [...timeRange, ['limit', '50']],
    columns: [
      { selector: 'service', text: 'Service', type: 'string', width: 140 },
      { selector: 'type', text: 'Type', type: 'string' },
      { selector: 'count', text: 'Errors', type: 'number', unit: 'short', width: 80 },
      { selector: 'fingerprints', text: 'Faults', type: 'number', unit: 'short', width: 80 },
      { selector: 'first_seen', text: 'First seen', type: 'timestamp', width: 165 },
      { selector: 'last_seen', text: 'Last seen', type: 'timestamp', width: 165 },
    ],
  })

export const recentErrors = ({ traceUrl }: BoardSettings) =>
  apiTable({
    ...none,
    title: 'Recent errors',
    width: 24,
    unit: 'none',
    description:
      'The newest 100 errors of the time range. Secrets, e-mail addresses and card numbers are masked. A trace’s id leads to the trace, where the installation says where traces are.',
    route: '/v1/errors',
    parameters: [...timeRange, ['limit', '100']],
    columns: [
      { selector: 'occurred_at', text: 'Time', type: 'timestamp', width: 170 },
      { selector: 'service', text: 'Service', type: 'string', width: 140 },
      { selector: 'type', text: 'Type', type: 'string', width: 180 },
      { selector: 'message', text: 'Message', type: 'string', inspect: true },
      { selector: 'route', text: 'Route', type: 'string', width: 180 },
      { selector: 'status', text: 'Status', type: 'number', width: 80 },
      {
        selector: 'trace_id',
        text: 'Trace',
        type: 'string',
        width: 260,
        ...(traceUrl === undefined
          ? {}
          : { link: { title: 'Open the trace', url: `${traceUrl}\${__value.raw}`, isElsewhere: true } }),
      },
    ],
  })
