import { expect, test } from 'vitest'
import { catalogue } from '../catalogue/index.ts'
import { recordedFigures, recordedRates } from '../catalogue/recordings.ts'
import { boards, parse, queries } from '../testing/dashboards.ts'
import { prometheusOwn } from './queries.ts'

const recordings = [...recordedFigures, ...Object.values(recordedRates).flat()]
const known = new Map(
  [...catalogue, ...recordings].flatMap((metric) =>
    [metric.name, ...['bucket', 'sum', 'count'].map((part) => `${metric.name}_${part}`)].map((name) => [name, metric]),
  ),
)
const own = new Set(Object.values(prometheusOwn).map((selector) => /^\w+/.exec(selector)?.[0] ?? ''))
/** Labels that Prometheus gives, and that of buckets. */
const given = ['job', 'instance', 'pod', 'environment', 'le', 'alertstate', 'alertname', 'severity']

test.each(queries)('$where is PromQL over metrics and labels that exist', ({ expression }) => {
  const { error, selectors, grouping } = parse(expression)
  expect(error, expression).toBeUndefined()
  expect(selectors.length).toBeGreaterThan(0)
  const labels = new Set(given)
  for (const { metric, matchers } of selectors) {
    const definition = known.get(metric)
    if (definition === undefined) expect(own, `${metric} is in the catalogue`).toContain(metric)
    for (const label of Object.keys(definition?.labels ?? {})) labels.add(label)
    for (const { label, value } of matchers) {
      expect([...given, ...Object.keys(definition?.labels ?? {})], `${metric} has ${label}`).toContain(label)
      const values = definition?.labels[label]?.values
      if (values !== undefined && !/[$*]/.test(value)) {
        for (const each of value.split('|')) {
          const text = each.replaceAll('\\\\', '')
          expect(values, `${metric}{${label}="${value}"}`).toContain(text)
        }
      }
    }
  }
  for (const label of grouping) expect([...labels], `${expression} groups by ${label}`).toContain(label)
})

test.each(queries)('$where rates what is counted, and never what is computed', ({ expression }) => {
  const { selectors } = parse(expression)
  for (const { metric, within } of selectors) {
    const definition = known.get(metric)
    const isRated = within.some((name) => /^(?:rate|increase|irate)$/.test(name))
    const isCounted = definition?.exposition !== 'figures' && definition?.type !== 'gauge' && definition !== undefined
    // How often something happened since the start is itself what one panel shows.
    if (metric.startsWith('admin_analytics_events')) continue
    expect(isRated, `${metric} in ${expression}`).toBe(isCounted)
  }
  for (const [, range = ''] of expression.matchAll(/\brate\([^[]*\[([^\]]*)\]/g)) {
    // 315 s are for what is not recorded yet: rules record the rates of longer ranges.
    expect(['$__rate_interval', '315s'], expression).toContain(range)
  }
})

test.each(queries)('$where asks the data source that was chosen', ({ target, panel, uid }) => {
  if (panel !== undefined) expect(target.datasource).toEqual({ type: 'prometheus', uid: '${datasource}' })
  const annotations = boards.find((board) => board.uid === uid)?.board.annotations?.list ?? []
  for (const { datasource } of annotations) expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' })
})

test.each(queries)(
  '$where asks for business figures by the hour or the day, not finer',
  ({ expression, target, panel }) => {
    const { selectors } = parse(expression)
    const isBusiness = selectors.some(({ metric }) => known.get(metric)?.exposition === 'figures')
    // What is no figure over time is one value.
    if (target.instant || target.interval === undefined) return
    if (!isBusiness) return
    // Over six hours alone a minute is 360 points, over one 60.
    const steps = ['6h', '1h'].includes(panel?.timeFrom ?? '') ? ['1m'] : ['1h', '6h', '1d', '$period']
    expect(steps).toContain(target.interval)
  },
)

test('a sum never adds up windows, currencies or the buckets of two kinds of balance', () => {
  for (const { expression, where } of queries) {
    const { selectors, grouping } = parse(expression)
    for (const { metric, matchers, within } of selectors) {
      const labels = Object.keys(known.get(metric)?.labels ?? {})
      const chosen = (label: string) => matchers.some((matcher) => matcher.label === label && matcher.value !== '.*')
      if (!within.includes('sum')) continue
      const isWindowOk = !labels.includes('window') || known.get(metric)?.labels.window?.bound === 1 || chosen('window')
      // The window of a variable is one value, since it is no choice of several.
      const isOneOfVariable = expression.includes('window=~"$window"')
      expect(isWindowOk || isOneOfVariable, `${where} adds windows of ${metric}`).toBe(true)
      const isMoney = known.get(metric)?.unit === 'currency'
      if (isMoney) expect(grouping, `${where} adds currencies of ${metric}`).toContain('currency')
    }
  }
})

test('a number is of now, however long the range of its board is', () => {
  for (const { panel, target, where } of queries) {
    if (panel?.type !== 'stat' || target.instant) continue
    expect(panel.hideTimeOverride, where).toBe(true)
    expect([
      ['6h', '1m'],
      ['1h', '1m'],
      ['3h', '30s'],
    ]).toContainEqual([panel.timeFrom, target.interval])
  }
})

test('what has hundreds of series is read over 30 days as it is recorded, not as it is scraped', () => {
  const many = new Set(recordings.flatMap(({ recordedBy }) => parse(recordedBy).selectors.map(({ metric }) => metric)))
  for (const { expression, panel, target, where } of queries) {
    if (target.instant || panel?.timeFrom !== undefined) continue
    for (const { metric, matchers, text } of parse(expression).selectors) {
      if (!many.has(metric)) continue
      // The stretch that is not over is read at the last instant alone, and a minute's rates are counted by the exporter's own.
      const isAtEnd = text.includes('@ end()')
      const isRecorded = recordings.some(({ recordedBy }) =>
        parse(recordedBy).selectors.some(
          (one) =>
            one.metric === metric &&
            one.matchers.every(({ label, value }) =>
              matchers.some((given) => given.label === label && given.value === value),
            ),
        ),
      )
      expect(isAtEnd || !isRecorded, `${where} reads ${metric} as scraped`).toBe(true)
    }
  }
})
