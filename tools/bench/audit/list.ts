import { readListQuery, writeCursor } from '../../../audit-api/events/filter.ts'
import { latenciesOf } from '../statistics.ts'
import type { Service } from './service.ts'
import { worldBegins, worldEnds } from './world.ts'

const some = (count: number, of: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => of(i)).join(',')

/** Filters of one column, by what they are called in the report: the commonest value, a rare one, one that is not there, several. */
const filters: Readonly<Record<string, string>> = {
  'no filter': '',
  'from and to, a year': 'from=2025-03-01T00:00:00Z&to=2026-03-01T00:00:00Z',
  'from and to, a day': 'from=2026-02-10T00:00:00Z&to=2026-02-11T00:00:00Z',
  'actor, the busiest': 'actor=admin-0',
  'actor, in the middle': 'actor=admin-150',
  'actor, the rarest': 'actor=admin-299',
  'actor, nobody': 'actor=nobody',
  'actor, the two rarest': 'actor=admin-298,admin-299',
  'actor, 20 of them': `actor=${some(20, (index) => `admin-${index * 15}`)}`,
  'action, the commonest': 'action=user.update',
  'action, the rarest': 'action=token.delete',
  'action, the two rarest': 'action=token.delete,export.delete',
  'target_type, the commonest': 'target_type=user',
  'target_type, the rarest': 'target_type=token',
  'target_type, five of them': 'target_type=token,export,coupon,price,model',
  'target_id, the commonest': 'target_id=user-0',
  'target_id, a rare one': 'target_id=user-1400000',
  'target_id, 20 of them': `target_id=${some(20, (index) => `user-${index * 977}`)}`,
  'outcome, failure': 'outcome=failure',
  'outcome, success': 'outcome=success',
}

export interface ListTiming {
  name: string
  p50Ms: number
  p99Ms: number
  maxMs: number
  requests: number
}

/** Pages of 50 by each filter, the first one and at random depths, one request after the other. */
export async function measureList(service: Service, requests: number): Promise<ListTiming[]> {
  const timings: ListTiming[] = []
  for (const [name, query] of Object.entries(filters)) {
    const times: number[] = []
    // A tenth of them before, not counted: the connections and the indexes' upper pages are warm.
    for (let number = -Math.ceil(requests / 10); number < requests; number++) {
      const { status, body, totalMs } = await service.ask(
        'GET',
        `/v1/audit/events?${query}&limit=50${cursor(query, number)}`,
      )
      if (status !== 200) throw new Error(`the list answers ${status}: ${body.toString()}`)
      if (number >= 0) times.push(totalMs)
    }
    timings.push(summed(name, times))
  }
  return timings
}

/** Every tenth request is for the first page; the others begin at a random moment of the two years. */
function cursor(query: string, number: number): string {
  if (number % 10 === 0) return ''
  const { filter } = readListQuery(Object.fromEntries(new URLSearchParams(query)))
  const [begin, end] = [Date.parse(filter.from ?? worldBegins), Date.parse(filter.to ?? worldEnds)]
  const moment = new Date(begin + Math.random() * (end - begin)).toISOString().replace('Z', '000Z')
  return `&cursor=${writeCursor({ occurredAt: moment, id: '80000000-0000-4000-8000-000000000000' }, filter)}`
}

/** Other questions of a dashboard, which have no goal. */
export async function measureOthers(service: Service, requests: number): Promise<ListTiming[]> {
  const paths: Readonly<Record<string, string>> = {
    'facets of a day': '/v1/audit/facets?from=2026-08-30T00:00:00Z&to=2026-08-31T00:00:00Z',
    'facets of a month': '/v1/audit/facets?from=2026-08-01T00:00:00Z&to=2026-09-01T00:00:00Z',
    'facets of two years': '/v1/audit/facets',
    'pages of the whole log': '/v1/audit/pages',
    'list at offset 10,000': '/v1/audit/events?offset=10000',
  }
  const timings: ListTiming[] = []
  for (const [name, path] of Object.entries(paths)) {
    const times: number[] = []
    for (let number = -1; number < requests; number++) {
      const { status, totalMs } = await service.ask('GET', path)
      if (status !== 200) throw new Error(`${path} answers ${status}`)
      if (number >= 0) times.push(totalMs)
    }
    timings.push(summed(name, times))
  }
  return timings
}

function summed(name: string, times: readonly number[]): ListTiming {
  const { p50, p99, max, count } = latenciesOf(times)
  return { name, p50Ms: p50, p99Ms: p99, maxMs: max, requests: count }
}
