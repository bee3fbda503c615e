import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { exporterBuildInfo } from '../catalogue/exporter.ts'
import { maxBy, series } from '../catalogue/promql.ts'
import { colors } from './colors.ts'
import { datasource, prometheusOwn } from './queries.ts'

const running = (offset: string) =>
  maxBy(['version'], `last_over_time(${series(exporterBuildInfo)}[$__interval]${offset})`)

/** A version is there that was not there a step before. */
export const deploys = new AnnotationQueryBuilder()
  .name('Deploys')
  .datasource(datasource)
  .enable(true)
  .iconColor(colors.primary)
  .expr(`${running('')} unless on (version) ${running(' offset $__interval')}`)
  // Ten scrapes: a step finds the version even where some of them fail.
  .step('5m')
  .titleFormat('Barometer {{version}}')
  .textFormat('This version of the exporter was started.')

/** Alerts while they fire; the one that always does is left out. */
export const alerts = new AnnotationQueryBuilder()
  .name('Alerts')
  .datasource(datasource)
  .enable(true)
  .iconColor(colors.error)
  .expr(prometheusOwn.firingAlerts)
  .step('60s')
  .titleFormat('{{alertname}}')
  .textFormat('{{component}}')
  .tagKeys('severity,component')
