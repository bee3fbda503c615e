import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common'
import {
  type DashboardLink,
  type DynamicConfigValue,
  FieldColorModeId,
  MappingType,
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { colors, meanings, type Thresholds } from './colors.ts'
import { type Link, linkBuilder } from './links.ts'
import { businessStep, datasource } from './queries.ts'

/** What every panel says of itself. */
export interface PanelOptions {
  title: string
  /** The definition, shown on the panel's corner. */
  description: string
  unit: string
  /** What it means that there is nothing. */
  noData: string
  /** Of the 24 columns of the grid. */
  width: number
  height?: number
  decimals?: number
  color?: string
  thresholds?: Thresholds
  /** Where a click on a value leads. */
  links?: readonly Link[]
  /** The least step of its queries: an hour, unless what it shows is live. */
  step?: string
}

/** A panel of which nothing is known but that it can be built. */
export interface Buildable {
  build(): Panel
}

/** What the builders of all kinds of panels have in common. */
interface CommonBuilder extends Buildable {
  title(title: string): unknown
  description(description: string): unknown
  unit(unit: string): unknown
  decimals(decimals: number): unknown
  noValue(text: string): unknown
  datasource(datasource: DataSourceRef): unknown
  span(width: number): unknown
  height(height: number): unknown
  thresholds(thresholds: ThresholdsConfigBuilder): unknown
  dataLinks(links: { build(): DashboardLink }[]): unknown
  mappings(mappings: ValueMapping[]): unknown
  overrideByName(name: string, properties: DynamicConfigValue[]): unknown
}

/** Puts on a builder what every panel has. */
export function withCommon<Builder extends CommonBuilder>(
  panel: Builder,
  options: PanelOptions,
  heightUsual: number,
  source: DataSourceRef = datasource,
): Builder {
  panel.title(options.title)
  panel.description(options.description)
  panel.unit(options.unit)
  panel.noValue(options.noData)
  panel.datasource(source)
  panel.span(options.width)
  panel.height(options.height ?? heightUsual)
  panel.thresholds(thresholdsBuilder(options))
  if (options.decimals !== undefined) panel.decimals(options.decimals)
  if (options.links !== undefined) panel.dataLinks(options.links.map(linkBuilder))
  return panel
}

function thresholdsBuilder(options: PanelOptions): ThresholdsConfigBuilder {
  const { base, steps } = options.thresholds ?? { base: options.color ?? colors.primary, steps: [] }
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...steps.map(({ from, color }) => ({ value: from, color }))])
}

export const stepOf = (options: PanelOptions): string => options.step ?? businessStep

/** The property that gives a series one colour. */
export const fixedColor = (color: string): DynamicConfigValue => ({
  id: 'color',
  value: { mode: FieldColorModeId.Fixed, fixedColor: color },
})

/** Gives the series that mean something their colour; the names are those of the legend. */
export function paint(panel: CommonBuilder, names: readonly string[]): void {
  for (const name of names) {
    const color = meanings[name]
    if (color !== undefined) panel.overrideByName(name, [fixedColor(color)])
  }
}

/** A text and a colour in place of a value, such as 1 for up. */
export interface ValueText {
  value: string
  text: string
  color: string
}

export function valueTexts(texts: readonly ValueText[]): ValueMapping[] {
  const entries = texts.map(({ value, text, color }, index) => [value, { text, color, index }] as const)
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(entries) }]
}

export const upTexts: readonly ValueText[] = [
  { value: '1', text: 'up', color: colors.success },
  { value: '0', text: 'DOWN', color: colors.error },
]
