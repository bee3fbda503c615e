import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTextDisplayOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { FieldColorBuilder, FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as StatPanelBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesPanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { colors, meanings } from './colors.ts'
import {
  fixedColor,
  type PanelOptions,
  paint,
  stepOf,
  type ValueText,
  valueTexts,
  withCommon,
} from './panel-options.ts'
import { type Query, target, targets } from './queries.ts'

export interface StatOptions extends PanelOptions {
  queries: readonly Query[]
  /** By which part it is greater or less than before, shown beside it. */
  change?: { expression: string; legend: string }
  /** Texts for values, such as 1 for up. */
  mappings?: readonly ValueText[]
  sparkline?: boolean
  /** Thousands of series are added up at each point: the sparkline is of an hour, not of six. */
  hasManySeries?: boolean
}

/** The name of the query that compares with the period before. */
const changeRefId = 'Change'

/**
 * What a sparkline shows, however long the range of the board is. The number is that of its last point, which Grafana lays on
 * a multiple of the step: a minute old at most, and there a minute after the first scrape.
 */
const sparkline = {
  business: { timeFrom: '6h', step: '1m' },
  ofMany: { timeFrom: '1h', step: '1m' },
  live: { timeFrom: '3h', step: '30s' },
} as const

/** A big number, with a sparkline of the last hours behind it unless told otherwise. */
export function stat(options: StatOptions): StatPanelBuilder {
  const business = options.hasManySeries ? sparkline.ofMany : sparkline.business
  const { timeFrom, step } = options.step === undefined ? business : sparkline.live
  const queries = options.sparkline === false ? options.queries.map(asInstant) : options.queries
  const panel = withCommon(new StatPanelBuilder(), options, 4)
    .graphMode(options.sparkline === false ? BigValueGraphMode.None : BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .textMode(BigValueTextMode.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .targets(targets(queries, step))
  if (!queries.every(({ instant }) => instant)) panel.timeFrom(timeFrom).hideTimeOverride(true)
  if (options.mappings !== undefined) panel.mappings(valueTexts(options.mappings))
  paint(panel, legendsOf(options.queries))
  if (options.change !== undefined) {
    panel.withTarget(target({ ...options.change, instant: true }, changeRefId, ''))
    // Left alone, the muted figure has no sparkline below it and is written larger than the one it explains.
    panel.text(new VizTextDisplayOptionsBuilder().titleSize(13).valueSize(28))
    panel.overrideByQuery(changeRefId, [
      { id: 'unit', value: 'percentunit' },
      { id: 'decimals', value: 1 },
      // More or less is no better or worse by itself: the figure keeps its colour, what it is compared with is muted.
      fixedColor(colors.muted),
    ])
  }
  return panel
}

const asInstant = (query: Query): Query => ({ ...query, instant: true })

/** Coloured tiles with a word in each: what is up and what is not. */
export function tiles(options: StatOptions): StatPanelBuilder {
  return stat({ ...options, sparkline: false }).colorMode(BigValueColorMode.Background)
}

export interface TimeseriesOptions extends PanelOptions {
  queries: readonly Query[]
  /** Parts of one whole, one above the other. */
  stacked?: boolean
  /** Counts of a stretch of time rather than values at an instant. */
  bars?: boolean
  /** Whether values below 0 mean something. */
  canBeNegative?: boolean
  max?: number
  /** What the axis reaches where all is less, so that a line at 0 has an axis that says something. */
  softMax?: number
  /** Panels of their own for each value of a variable, two in a line: what must not be added or compared. */
  repeat?: string
  /** Series that are drawn as a line above bars, by the name in the legend. */
  lines?: readonly string[]
  /** The values of labels that may be drawn, so that each takes the colour of its meaning. */
  names?: readonly string[]
}

/** Lines or bars over time, with a legend that names them. */
export function timeseries(options: TimeseriesOptions): TimeseriesPanelBuilder {
  const filled = options.bars ? 70 : options.stacked ? 40 : 10
  const panel = withCommon(new TimeseriesPanelBuilder(), options, 8)
    .drawStyle(options.bars ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .fillOpacity(filled)
    .lineWidth(options.bars ? 0 : 2)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(targets(options.queries, stepOf(options)))
  if (!options.canBeNegative) panel.min(0)
  if (options.max !== undefined) panel.max(options.max)
  if (options.softMax !== undefined) panel.axisSoftMax(options.softMax)
  if (options.repeat !== undefined) panel.repeat(options.repeat).repeatDirection('h').maxPerRow(2)
  if (options.stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
  if (options.color !== undefined) {
    panel.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor(options.color))
  }
  paint(panel, [...legendsOf(options.queries), ...(options.names ?? [])])
  for (const name of options.lines ?? []) {
    panel.overrideByName(name, [
      { id: 'custom.drawStyle', value: 'line' },
      { id: 'custom.lineWidth', value: 2 },
      { id: 'custom.fillOpacity', value: 0 },
      { id: 'custom.stacking', value: { mode: 'none', group: 'none' } },
      fixedColor(meanings[name] ?? colors.muted),
    ])
  }
  return panel
}

const legendsOf = (queries: readonly Query[]): string[] =>
  queries.flatMap(({ legend = '' }) => (legend.includes('{{') ? [] : [legend]))
