import * as self from '../../catalogue/exporter.ts'
import { maxBy, value } from '../../catalogue/promql.ts'
import { colors } from '../colors.ts'
import { timeseries } from '../panels.ts'
import { figureTable } from '../tables.ts'

const own = { step: '30s', noData: 'the exporter is not scraped' }
const by = (metric: Parameters<typeof value>[0]) => maxBy(['collector'], value(metric))

export const collectors = () =>
  figureTable({
    title: 'Collectors',
    width: 12,
    height: 16,
    unit: 'none',
    noData: own.noData,
    description:
      'Each collector: whether its views are there, whether its last run succeeded, how long that took, how old its samples are, how many series it shows, and how many rows the last reconcile repaired.',
    queries: [
      { expression: by(self.exporterCollectorEnabled) },
      { expression: by(self.exporterCollectorSuccess) },
      { expression: by(self.exporterCollectorDurationSeconds) },
      { expression: `time() - ${by(self.exporterCollectorLastSuccessTimestampSeconds)}` },
      { expression: by(self.exporterSeries) },
      { expression: by(self.exporterRollupDriftRows) },
    ],
    joinBy: 'collector',
    columns: [
      { field: 'collector', text: 'Collector' },
      {
        field: 'Value #A',
        text: 'Enabled',
        width: 80,
        mappings: [
          { value: '1', text: 'yes', color: colors.success },
          { value: '0', text: 'no', color: colors.muted },
        ],
      },
      {
        field: 'Value #B',
        text: 'Success',
        width: 80,
        mappings: [
          { value: '1', text: 'yes', color: colors.success },
          { value: '0', text: 'NO', color: colors.error },
        ],
      },
      { field: 'Value #C', text: 'Took', unit: 's', width: 80 },
      { field: 'Value #D', text: 'Age', unit: 's', width: 80 },
      { field: 'Value #E', text: 'Series', unit: 'short', width: 80 },
      { field: 'Value #F', text: 'Drift', unit: 'short', width: 80 },
    ],
  })

export const collectorDuration = () =>
  timeseries({
    ...own,
    title: 'Duration of collectors',
    width: 12,
    unit: 's',
    stacked: true,
    description: 'How long the last run of each collector took; together they are a refresh.',
    queries: [{ expression: by(self.exporterCollectorDurationSeconds), legend: '{{collector}}' }],
  })

export const seriesByCollector = () =>
  timeseries({
    ...own,
    title: 'Series by collector',
    width: 12,
    height: 16,
    unit: 'short',
    stacked: true,
    description: 'Series that each collector shows; all together they stay under 20,000.',
    queries: [{ expression: by(self.exporterSeries), legend: '{{collector}}' }],
  })
