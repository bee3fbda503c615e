import { exporterBuildInfo, exporterLeader, snapshotTimestampSeconds } from '../../catalogue/exporter.ts'
import { maxBy, sum, value } from '../../catalogue/promql.ts'
import { snapshotAgeSeconds } from '../../catalogue/slo.ts'
import { colors, lowerIsBetter } from '../colors.ts'
import { stat, timeseries } from '../panels.ts'
import { figureTable } from '../tables.ts'

const age = `time() - ${maxBy([], value(snapshotTimestampSeconds))}`
const own = { step: '30s', noData: 'the exporter is not scraped' }

export const snapshotAge = () =>
  stat({
    ...own,
    title: 'Age of the figures',
    width: 6,
    unit: 's',
    decimals: 0,
    description: 'Since the instant at which all business figures were computed; they come every minute.',
    queries: [{ expression: age, legend: 'age' }],
    thresholds: lowerIsBetter(snapshotAgeSeconds),
  })

export const snapshotAgeOverTime = () =>
  timeseries({
    ...own,
    title: 'Age of the figures over time',
    width: 12,
    unit: 's',
    color: colors.primary,
    description: 'How old the figures were at each time; a refresh that fails or hangs shows as a rising line.',
    queries: [{ expression: age, legend: 'age' }],
  })

export const replicas = () =>
  stat({
    ...own,
    title: 'Leaders',
    width: 7,
    unit: 'short',
    description: 'Replicas that refresh: one. None is a gap between two leaders, or nobody reaches the database.',
    queries: [{ expression: sum(value(exporterLeader)), legend: 'leaders' }],
    thresholds: {
      base: colors.error,
      steps: [
        { from: 1, color: colors.success },
        { from: 2, color: colors.error },
      ],
    },
  })

export const versions = () =>
  figureTable({
    title: 'Versions',
    width: 24,
    height: 4,
    unit: 'none',
    noData: 'the exporter is not scraped',
    description: 'The versions of the exporter and of Node that run.',
    queries: [{ expression: maxBy(['version', 'node_version'], value(exporterBuildInfo)) }],
    columns: [
      { field: 'version', text: 'Exporter' },
      { field: 'node_version', text: 'Node' },
    ],
  })
