import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as StatPanelBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesPanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { datasource, query } from './queries.ts'

/** Colours by meaning, the same on every board. */
export const colors = {
  primary: '#a855f7',
  secondary: '#ec4899',
  success: '#22c55e',
  warning: '#f59e0b',
  error: '#ef4444',
  muted: 'rgba(255, 255, 255, 0.4)',
} as const

interface PanelOptions {
  title: string
  /** The definition, shown on the panel's corner. */
  description: string
  unit: string
  /** What it means that there is nothing. */
  noData: string
  width: number
  height?: number
}

export interface StatOptions extends PanelOptions {
  queries: readonly { expression: string; legend?: string }[]
  color?: string
  /** Steps from which the colour changes; the first colour holds below the first step. */
  thresholds?: { base: string; steps: readonly { from: number; color: string }[] }
  /** Texts for values, such as 1 for up. */
  mappings?: readonly { value: string; text: string; color: string }[]
  link?: { title: string; url: string }
  sparkline?: boolean
}

const refIds = 'ABCDEFGHIJ'

/** A big number, with a sparkline of the time range behind it unless told otherwise. */
export function stat(options: StatOptions): StatPanelBuilder {
  const panel = new StatPanelBuilder()
    .title(options.title)
    .description(options.description)
    .unit(options.unit)
    .noValue(options.noData)
    .datasource(datasource)
    .span(options.width)
    .height(options.height ?? 4)
    .graphMode(options.sparkline === false ? BigValueGraphMode.None : BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(thresholdsOf(options))
  options.queries.forEach(({ expression, legend }, index) => {
    panel.withTarget(query(expression, { refId: refIds[index] ?? 'A', legend: legend ?? '' }))
  })
  if (options.mappings !== undefined) {
    const entries = options.mappings.map(({ value, text, color }, index) => [value, { text, color, index }] as const)
    panel.mappings([{ type: MappingType.ValueToText, options: Object.fromEntries(entries) }])
  }
  if (options.link !== undefined) {
    panel.links([new DashboardLinkBuilder(options.link.title).url(options.link.url).type(DashboardLinkType.Link)])
  }
  return panel
}

function thresholdsOf(options: StatOptions): ThresholdsConfigBuilder {
  const { base, steps } = options.thresholds ?? { base: options.color ?? colors.primary, steps: [] }
  const all: Threshold[] = [{ value: null, color: base }, ...steps.map(({ from, color }) => ({ value: from, color }))]
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(all)
}

export interface TimeseriesOptions extends PanelOptions {
  queries: readonly { expression: string; legend: string }[]
  stacked?: boolean
  color?: string
}

/** Lines over time, with a legend that names them. */
export function timeseries(options: TimeseriesOptions): TimeseriesPanelBuilder {
  const panel = new TimeseriesPanelBuilder()
    .title(options.title)
    .description(options.description)
    .unit(options.unit)
    .noValue(options.noData)
    .datasource(datasource)
    .span(options.width)
    .height(options.height ?? 8)
    .drawStyle(GraphDrawStyle.Line)
    .fillOpacity(options.stacked ? 40 : 10)
    .min(0)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
  if (options.stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
  if (options.color !== undefined) {
    panel.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor(options.color))
  }
  options.queries.forEach(({ expression, legend }, index) => {
    panel.withTarget(query(expression, { refId: refIds[index] ?? 'A', legend, interval: '1h' }))
  })
  return panel
}
