import { ruleGroups } from '../alerts/index.ts'
import { catalogue } from '../catalogue/index.ts'
import { jobOfExposition, scrapeSeconds } from '../catalogue/jobs.ts'
import { ownMetrics } from '../catalogue/prometheus.ts'
import { parse, type Selector } from './dashboards.ts'

/** Labels that Prometheus gives when it scrapes, that of buckets, and that of this Prometheus. */
const given = ['job', 'instance', 'pod', 'environment', 'le']

interface Known {
  labels: ReadonlyMap<string, readonly string[] | undefined>
  isCounter: boolean
}

const anyValues = (labels: readonly string[]) => new Map(labels.map((label) => [label, undefined]))

const known = new Map<string, Known>([
  ...catalogue.flatMap((metric): [string, Known][] => {
    const labels = new Map(Object.entries(metric.labels).map(([label, { values }]) => [label, values]))
    const isCounter = metric.type === 'counter' || (metric.type === 'histogram' && metric.exposition !== 'figures')
    const names =
      metric.type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${metric.name}_${part}`) : [metric.name]
    return names.map((name) => [name, { labels, isCounter }])
  }),
  ...ownMetrics.map(({ name, labels, type }): [string, Known] => [
    name,
    { labels: anyValues([...labels, ...(name === 'ALERTS' ? alertLabels() : [])]), isCounter: type === 'counter' },
  ]),
  ...ruleGroups.flatMap(({ recordings = [] }) =>
    recordings.map(({ name }): [string, Known] => [
      name,
      { labels: anyValues(name.split(':')[0]?.split('_') ?? []), isCounter: false },
    ]),
  ),
])

/** The labels that alerts get from their expressions. */
function alertLabels(): string[] {
  return catalogue.flatMap((metric) => Object.keys(metric.labels))
}

const scrapesMin = 4

/**
 * What is wrong with an expression: that it does not parse, metrics and labels that do not exist, values that a label
 * never has, a rate of what is no counter or of fewer than 4 scrapes, a counter without its rate.
 */
export function findingsIn(expression: string): string[] {
  const { error, selectors, grouping } = parse(expression)
  if (error !== undefined) return [`does not parse at ${error}`]
  if (selectors.length === 0 && !/^vector\(\d+\)$/.test(expression)) return ['reads no metric']
  const labels = new Set([...given, ...madeIn(expression)])
  const findings = selectors.flatMap((selector) => {
    for (const label of known.get(selector.metric)?.labels.keys() ?? []) labels.add(label)
    return selectorFindings(selector)
  })
  const unknown = grouping.filter((label) => !labels.has(label)).map((label) => `groups by ${label}, which nothing has`)
  return [...findings, ...unknown, ...rangeFindings(expression)]
}

/** Labels that label_replace makes. */
const madeIn = (expression: string): string[] =>
  [...expression.matchAll(/label_replace\(.*?, "(\w+)", "\$\d"/g)].map(([, label = '']) => label)

function selectorFindings({ metric, matchers, within }: Selector): string[] {
  const definition = known.get(metric)
  if (definition === undefined) return [`${metric} is in no catalogue and recorded by no rule`]
  const isRated = within.some((name) => /^(?:rate|irate|increase)$/.test(name))
  const findings = matchers.flatMap(({ label, value }) => {
    if (given.includes(label)) return []
    if (!definition.labels.has(label)) return [`${metric} has no label ${label}`]
    const values = definition.labels.get(label)
    if (values === undefined) return []
    return value
      .split('|')
      .map((each) => each.replaceAll('\\\\', ''))
      .filter((each) => !values.includes(each))
      .map((each) => `${label} of ${metric} is never ${each}`)
  })
  if (isRated && !definition.isCounter) findings.push(`rates ${metric}, which is no counter`)
  if (!isRated && definition.isCounter) findings.push(`reads the counter ${metric} without a rate`)
  return findings
}

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

function rangeFindings(expression: string): string[] {
  const rated = expression.matchAll(/\b(?:rate|increase)\(([\w:]+)(?:\{[^}]*\})?\[(\d+)([smhd])\]/g)
  return [...rated].flatMap(([, name = '', count, unit]) => {
    const seconds = Number(count) * unitSeconds[unit as keyof typeof unitSeconds]
    const metric = catalogue.find((each) => name === each.name || name.startsWith(`${each.name}_`))
    const least = scrapesMin * scrapeSeconds[jobOfExposition[metric?.exposition ?? 'self']]
    return seconds < least ? [`rates ${name} over ${seconds} s; expected at least ${least} s, which are 4 scrapes`] : []
  })
}
