import { maxBy, minBy, sumBy } from '../../catalogue/promql.ts'
import { upOrDown } from '../colors.ts'
import { upTexts } from '../panel-options.ts'
import { tiles, timeseries } from '../panels.ts'
import { prometheusOwn } from '../queries.ts'

const own = { step: '30s', noData: 'nothing is scraped' }

export const targetsUp = () =>
  tiles({
    ...own,
    title: 'Targets',
    width: 7,
    unit: 'short',
    description: 'Whether Prometheus reaches every target of each job.',
    queries: [{ expression: minBy(['job'], prometheusOwn.up), legend: '{{job}}' }],
    mappings: upTexts,
    thresholds: upOrDown,
  })

export const scrapeDuration = () =>
  timeseries({
    ...own,
    title: 'Duration of scrapes',
    width: 12,
    unit: 's',
    description: 'How long the slowest scrape of each job took.',
    queries: [{ expression: maxBy(['job'], prometheusOwn.scrapeDurationSeconds), legend: '{{job}}' }],
  })

export const scrapeSamples = () =>
  timeseries({
    ...own,
    title: 'Samples of a scrape',
    width: 12,
    unit: 'short',
    stacked: true,
    description: 'Samples that each job gives at a scrape.',
    queries: [{ expression: sumBy(['job'], prometheusOwn.scrapeSamples), legend: '{{job}}' }],
  })
