import { auditEventsIngestedTotal, errorsTotal } from '../../catalogue/audit.ts'
import { keptMax, type Metric, seriesMax } from '../../catalogue/define.ts'
import { httpServerRequestDurationSeconds } from '../../catalogue/infrastructure.ts'
import { signups, users } from '../../catalogue/users.ts'
import { parseExposition, type Reading } from '../../cli/exposition.ts'
import type { Pool } from '../../lib/postgres.ts'
import { atMost, exactly, type Seen } from './bound.ts'
import { residentMb } from './process.ts'

/** As many users, each from a source of its own, which is what somebody wrote into an address. */
export async function insertUsersOfManyLabels(owner: Pool, values: number): Promise<void> {
  await owner.query(
    `INSERT INTO platform.users (country, signup_source)
     SELECT chr(65 + n % 26) || chr(65 + n / 26 % 26), E'source "\\n' || n FROM generate_series(1, $1::integer) AS n`,
    [values],
  )
}

/** The exporter's page over a source that offers `values` values of a label, of another one 676. */
export function labelsOfSource(page: string, values: number): Seen[] {
  const readings = parseExposition(page)
  const of = (metric: Metric) => readings.filter(({ name }) => name === metric.name)
  const ever = of(signups).filter(({ labels }) => labels.window === 'ever')
  const distinct = (found: readonly Reading[], label: string) => new Set(found.map(({ labels }) => labels[label])).size
  return [
    exactly(`sign-ups, of ${values} sources`, sum(ever), 'users', values),
    exactly('sources that are kept, and other', distinct(ever, 'source'), 'sources', keptMax + 1),
    exactly('sign-ups whose source is other', sum(ever.filter(isOther('source'))), 'users', values - keptMax),
    exactly('countries that are kept, and other', distinct(of(users), 'country'), 'countries', keptMax + 1),
    exactly('users', sum(of(users)), 'users', values),
    atMost('series of sign-ups', of(signups).length, 'series', seriesMax(signups)),
    atMost('series in all', readings.length, 'series', 20_000),
  ]
}

const sum = (readings: readonly Reading[]): number => readings.reduce((total, { value }) => total + value, 0)
const isOther =
  (label: string) =>
  ({ labels }: Reading): boolean =>
    labels[label] === 'other'

export interface AuditLabelsOptions {
  url: string
  pid: number
  token: string
  values: number
}

/** Errors of many services and types, and requests of many paths and methods, to the audit API. */
export async function labelsOfAuditApi({ url, pid, token, values }: AuditLabelsOptions): Promise<Seen[]> {
  const beforeMb = residentMb(pid)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const occurred_at = new Date(Date.now() - 60_000).toISOString()
  const lot = 1_000
  let refused = 0
  for (let from = 0; from < values; from += lot) {
    const errors = Array.from({ length: Math.min(lot, values - from) }, (_, index) => ({
      ...{ occurred_at, service: `service-${from + index}`, type: `Type${from + index}Error`, message: 'no' },
    }))
    const answer = await fetch(`${url}/v1/errors`, { method: 'POST', headers, body: JSON.stringify(errors) })
    if (answer.status !== 201) refused += 1
    await answer.body?.cancel()
  }
  const paths = Math.min(1_000, values)
  for (let path = 0; path < paths; path += 1) await (await fetch(`${url}/path-${path}`)).body?.cancel()
  const readings = parseExposition(await (await fetch(`${url}/metrics`)).text())
  const ofErrors = readings.filter(({ name }) => name === errorsTotal.name)
  const routes = readings.filter(({ name }) => name === `${httpServerRequestDurationSeconds.name}_count`)
  return [
    exactly('lots of errors refused', refused, 'lots', 0),
    exactly(`errors counted, of ${values} types`, sum(ofErrors), 'errors', values),
    atMost('series of errors', ofErrors.length, 'series', seriesMax(errorsTotal)),
    exactly('requests without a route, in one series', ofRoute(routes, 'none'), 'requests', paths),
    atMost('series of requests', routes.length, 'series', 20),
    atMost('series of the audit API in all', readings.length, 'series', 1_000),
    atMost('memory of the audit API, more than before', residentMb(pid) - beforeMb, 'MB', 150),
    exactly(
      'series of events',
      readings.filter(({ name }) => name === auditEventsIngestedTotal.name).length,
      'series',
      auditEventsIngestedTotal.labels.result.bound,
    ),
  ]
}

const ofRoute = (readings: readonly Reading[], route: string): number =>
  readings.find(({ labels }) => labels.http_route === route)?.value ?? 0
