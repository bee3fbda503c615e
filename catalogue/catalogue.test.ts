import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import { expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { ruleGroups } from '../alerts/index.ts'
import { secondsOf } from '../alerts/words.ts'
import { generationsFinished } from './content.ts'
import { seriesMax } from './define.ts'
import { catalogue } from './index.ts'
import { httpServerRequestDurationSeconds, queueJobsFinishedTotal } from './infrastructure.ts'
import { jobs, scrapeSeconds } from './jobs.ts'
import { change, changeBy, orZero, quantile, rate, ratio, value } from './promql.ts'
import { mrr } from './revenue.ts'
import { allHours, hoursOf, rollingWindowHours, rollingWindows, sqlInterval } from './windows.ts'

/** Where the expression does not parse, or undefined. */
function syntaxError(expression: string): string | undefined {
  let error: string | undefined
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) error ??= expression.slice(node.from, node.from + 40)
    },
  })
  return error
}

test('every name stands once, in snake case, and ends as its type and unit ask', () => {
  const names = catalogue.map((metric) => metric.name)
  expect(new Set(names).size).toBe(names.length)
  for (const metric of catalogue) {
    expect(metric.name).toMatch(/^[a-z][a-z0-9_]*$/)
    expect(metric.name.endsWith('_total'), metric.name).toBe(metric.type === 'counter')
    if (metric.unit === 'seconds' || metric.unit === 'bytes') expect(metric.name).toContain(`_${metric.unit}`)
    for (const label of Object.keys(metric.labels)) expect(label).toMatch(/^[a-z][a-z0-9_]*$/)
    expect(metric.help).toMatch(/\.$/)
    expect(metric.help).not.toContain('\n')
  }
})

test('all that we expose together stays under 20,000 series', () => {
  const ours = catalogue.filter((metric) => metric.exposition !== 'platform-api')
  expect(ours.reduce((sum, metric) => sum + seriesMax(metric), 0)).toBeLessThan(20_000)
})

test('business figures say which views they need and nothing else does', () => {
  for (const metric of catalogue) expect(metric.sources.length > 0, metric.name).toBe(metric.exposition === 'figures')
})

test('what is the same on every replica is read once, what is shared is added', () => {
  expect(value(mrr, { currency: 'EUR' })).toBe('max without (instance, pod) (platform_mrr{currency="EUR"})')
  expect(rate(httpServerRequestDurationSeconds, { job: 'platform-api' }, '5m')).toBe(
    'sum without (instance, pod) (rate(http_server_request_duration_seconds_count{job="platform-api"}[5m]))',
  )
})

test('a business figure has differences, no rate', () => {
  const wanted = change(generationsFinished, { status: 'succeeded' }, '1d')
  expect(wanted).toContain('last_over_time(platform_generations_finished{status="succeeded"}[1h] offset 1d)')
  // Without the cast this does not even compile.
  expect(() => rate(generationsFinished as never, {} as never, '5m')).toThrow(/expected change\(\), not rate\(\)/)
})

test('expressions that are joined keep their meaning', () => {
  const topNode = (expression: string) => parser.parse(expression).topNode.firstChild?.name
  for (const expression of [
    change(mrr, {}, '1d'),
    changeBy(['currency'], mrr, {}, '1d'),
    ratio('a', 'b'),
    orZero('a'),
  ]) {
    // A comparison binds tighter than `and` and `or`: without brackets it would compare the last part alone.
    expect(topNode(expression), expression).toBe('ParenExpr')
  }
})

test('a sum changes by what its lost series were, too', () => {
  expect(changeBy(['currency'], mrr, {}, '1d')).toContain(
    '(sum by (currency) (max without (instance, pod) (platform_mrr))) - ((sum by (currency) (max without (instance, pod) (last_over_time(platform_mrr[1h] offset 1d))))',
  )
})

test('what the builder makes, and every alert, is PromQL', () => {
  const expressions = [
    value(mrr),
    change(mrr, {}, '30d'),
    ratio(value(mrr), value(mrr)),
    rate(queueJobsFinishedTotal, { queue: ['a.b', 'c"d'], result: { not: 'failed' } }, '5m'),
    quantile(0.95, httpServerRequestDurationSeconds, { range: '5m', by: ['http_route'] }),
    ...ruleGroups.flatMap((group) => group.alerts.map((alert) => alert.expression)),
  ]
  for (const expression of expressions) expect(syntaxError(expression), expression).toBeUndefined()
  expect(syntaxError('sum(rate(x[5m])')).toBeDefined()
})

test('a rolling window is equally long in PromQL, in SQL and in words', () => {
  for (const window of rollingWindows) expect(secondsOf(window)).toBe(rollingWindowHours[window] * 3_600)
  expect(rollingWindows.map(sqlInterval)).toEqual([
    "interval '24 hours'",
    "interval '168 hours'",
    "interval '720 hours'",
  ])
  expect(hoursOf('7d')).toBe('168 hours')
  expect(allHours(' h')).toBe('24 h, 168 h and 720 h')
})

test('every job is scraped as often as provisioning/prometheus says', () => {
  const file = resolve(import.meta.dirname, '../provisioning/prometheus/prometheus.yml')
  interface Scrape {
    scrape_interval?: string
  }
  type File = { global: Required<Scrape>; scrape_configs: (Scrape & { job_name: string })[] }
  const { global, scrape_configs: configs }: File = parseYaml(readFileSync(file, 'utf8'))
  for (const job of jobs) {
    const found = configs.find(({ job_name: name }) => name === job)
    expect(found, `${job} of catalogue/jobs.ts is not in ${file}`).toBeDefined()
    expect(secondsOf(found?.scrape_interval ?? global.scrape_interval), job).toBe(scrapeSeconds[job])
  }
})
