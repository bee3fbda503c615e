import * as audit from '../../catalogue/audit.ts'
import { averageOf, maxBy, mean, quantileOf, rate, sum, sumBy, value } from '../../catalogue/promql.ts'
import { auditRequestBuckets } from '../../catalogue/recordings.ts'
import { timeseries } from '../panels.ts'

const own = { step: '30s', noData: 'the audit API is not scraped' }
const range = '$__rate_interval'

export const ingest = () =>
  timeseries({
    ...own,
    title: 'Audit events received',
    width: 12,
    unit: 'eps',
    stacked: true,
    description: 'Audit events a second, by what became of them.',
    queries: [{ expression: sumBy(['result'], rate(audit.auditEventsIngestedTotal, {}, range)), legend: '{{result}}' }],
  })

export const chain = () =>
  timeseries({
    ...own,
    title: 'Chain',
    width: 12,
    unit: 'short',
    noData: 'nothing is sealed yet',
    description: 'Events that have their place in the chain, and committed ones that wait for it.',
    queries: [
      { expression: maxBy([], value(audit.auditChainHeadSequence)), legend: 'sealed' },
      { expression: maxBy([], value(audit.auditUnsealedEvents)), legend: 'not sealed yet' },
    ],
  })

export const exportsOverTime = () =>
  timeseries({
    ...own,
    title: 'Exports of the audit log',
    width: 12,
    unit: 'short',
    description: 'Rows a second that were exported, and the mean seconds that an export took.',
    queries: [
      { expression: sum(rate(audit.auditExportRowsTotal, {}, range)), legend: 'rows a second' },
      { expression: mean(audit.auditExportDurationSeconds, { range }), legend: 'seconds an export' },
    ],
  })

export const requestsOfApi = () =>
  timeseries({
    ...own,
    title: 'Response times of the audit API, p95',
    step: '1m',
    width: 12,
    unit: 's',
    description: '95 of 100 requests to each route were answered within this time.',
    queries: [
      {
        expression: quantileOf(0.95, sumBy(['http_route', 'le'], averageOf(auditRequestBuckets, {}, '$__interval'))),
        legend: '{{http_route}}',
      },
    ],
  })

export const looks = () =>
  timeseries({
    ...own,
    title: 'What admins did with the boards',
    width: 24,
    unit: 'short',
    noData: 'nobody has opened a board',
    stacked: true,
    description: 'Boards opened, filtered and exported, and looks at the audit log, ever since the audit API started.',
    queries: [
      {
        expression: sumBy(['event', 'dashboard'], value(audit.adminAnalyticsEventsTotal)),
        legend: '{{event}} {{dashboard}}',
      },
    ],
  })
