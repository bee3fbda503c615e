import { PanelBuilder as BarChartPanelBuilder } from '@grafana/grafana-foundation-sdk/barchart'
import { PanelBuilder as BarGaugePanelBuilder } from '@grafana/grafana-foundation-sdk/bargauge'
import {
  BarGaugeDisplayMode,
  BarGaugeValueMode,
  HeatmapCellLayout,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common'
import { FieldColorBuilder, FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard'
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder as HeatmapPanelBuilder,
  RowsHeatmapOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap'
import {
  PieChartLegendOptionsBuilder,
  PieChartLegendValues,
  PanelBuilder as PieChartPanelBuilder,
  PieChartType,
} from '@grafana/grafana-foundation-sdk/piechart'
import { PanelBuilder as StateTimelinePanelBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { type PanelOptions, paint, stepOf, type ValueText, valueTexts, withCommon } from './panel-options.ts'
import { type Query, targets } from './queries.ts'

export interface ChartOptions extends PanelOptions {
  queries: readonly Query[]
  /** The values of labels that may be drawn, so that each takes the colour of its meaning. */
  names?: readonly string[]
}

const last = () => new ReduceDataOptionsBuilder().calcs(['lastNotNull'])
const instantOf = (queries: readonly Query[]): Query[] => queries.map((query) => ({ ...query, instant: true }))

/** How something is divided now: a bar each, the longest on top where the query sorts them. */
export function barGauge(options: ChartOptions): BarGaugePanelBuilder {
  const panel = withCommon(new BarGaugePanelBuilder(), options, 8)
    .displayMode(BarGaugeDisplayMode.Gradient)
    .valueMode(BarGaugeValueMode.Text)
    .orientation(VizOrientation.Horizontal)
    .showUnfilled(false)
    .reduceOptions(last())
    .min(0)
    .targets(targets(instantOf(options.queries), ''))
  paint(panel, options.names ?? [])
  return panel
}

/** Shares of a whole that has few parts. */
export function pie(options: ChartOptions): PieChartPanelBuilder {
  const panel = withCommon(new PieChartPanelBuilder(), options, 8)
    .pieType(PieChartType.Donut)
    .reduceOptions(last())
    .legend(
      new PieChartLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Right)
        .values([PieChartLegendValues.Value, PieChartLegendValues.Percent]),
    )
    .targets(targets(instantOf(options.queries), ''))
  paint(panel, options.names ?? [])
  return panel
}

/** Bars side by side, ordered by a label whose values are numbers and which is the name under each bar. */
export function barChart(options: ChartOptions & { xField: string }): BarChartPanelBuilder {
  const as = (destinationType: string) => ({
    id: 'convertFieldType',
    options: { conversions: [{ targetField: options.xField, destinationType }], fields: {} },
  })
  return (
    withCommon(new BarChartPanelBuilder(), options, 8)
      .xField(options.xField)
      .showValue(VisibilityMode.Auto)
      .fillOpacity(70)
      .min(0)
      .legend(
        new VizLegendOptionsBuilder()
          .showLegend(false)
          .displayMode(LegendDisplayMode.List)
          .placement(LegendPlacement.Bottom),
      )
      .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
      // The unit is that of the bars.
      .overrideByName(options.xField, [{ id: 'unit', value: 'string' }])
      .targets(targets(instantOf(options.queries.map((query) => ({ ...query, format: 'table' }))), ''))
      // 10 sorts behind 9 as a number; under a bar stands a text.
      .transformations([
        as('number'),
        { id: 'sortBy', options: { fields: {}, sort: [{ field: options.xField }] } },
        as('string'),
        { id: 'organize', options: { excludeByName: { Time: true }, renameByName: { Value: options.title } } },
      ])
  )
}

/** How many fall into each bucket at each step; the query gives cumulative buckets by le. */
export function heatmap(options: ChartOptions): HeatmapPanelBuilder {
  return withCommon(new HeatmapPanelBuilder(), options, 8)
    .calculate(false)
    .rowsFrame(new RowsHeatmapOptionsBuilder().layout(HeatmapCellLayout.Auto))
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Purples').steps(64))
    .yAxis(new YAxisConfigBuilder().unit(options.unit))
    .cellGap(1)
    .targets(
      targets(
        options.queries.map((query) => ({ ...query, format: 'heatmap' as const })),
        stepOf(options),
      ),
    )
}

/** What state each was in at each time. */
export function stateTimeline(options: ChartOptions & { mappings: readonly ValueText[] }): StateTimelinePanelBuilder {
  return (
    withCommon(new StateTimelinePanelBuilder(), options, 8)
      .mappings(valueTexts(options.mappings))
      .mergeValues(true)
      .showValue(VisibilityMode.Never)
      .rowHeight(0.8)
      .fillOpacity(80)
      .lineWidth(0)
      .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
      // It would say below 1 and 1 or more; the mappings' colours speak for themselves.
      .legend(
        new VizLegendOptionsBuilder()
          .showLegend(false)
          .displayMode(LegendDisplayMode.List)
          .placement(LegendPlacement.Bottom),
      )
      .targets(targets(options.queries, stepOf(options)))
  )
}
