import {
  BigValueColorMode,
  BigValueGraphMode,
  ReduceDataOptionsBuilder,
  TableCellHeight,
} from '@grafana/grafana-foundation-sdk/common'
import type { DataTransformerConfig, DynamicConfigValue, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as StatPanelBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TablePanelBuilder } from '@grafana/grafana-foundation-sdk/table'
import { auditApi, type Column, type InfinityOptions, InfinityQueryBuilder } from './infinity.ts'
import { type Link, linkBuilder } from './links.ts'
import {
  type Buildable,
  fixedColor,
  type PanelOptions,
  type ValueText,
  valueTexts,
  withCommon,
} from './panel-options.ts'
import { type Query, targets } from './queries.ts'

export interface TableColumn extends Column {
  width?: number
  unit?: string
  /** Where a click on a cell leads; it stands in the values of its row as `${__data.fields.Name}`. */
  link?: Link
  /** Colours of the whole cell by its text. */
  mappings?: readonly ValueText[]
  /** Whether a click shows the whole of what may be too long for its cell. */
  inspect?: boolean
  /** There for links, not to be seen. */
  hidden?: boolean
}

export interface ApiTableOptions extends PanelOptions, Omit<InfinityOptions, 'columns'> {
  columns: readonly TableColumn[]
  /** Links of the panel itself, such as an export. */
  panelLinks?: readonly Link[]
}

/** A table of what the audit API answers, its columns in the order in which they are given. */
export function apiTable(options: ApiTableOptions): Buildable {
  const panel = withCommon(new TablePanelBuilder(), options, 12, auditApi)
    .cellHeight(TableCellHeight.Sm)
    .targets([new InfinityQueryBuilder(options)])
    // Columns come back in the order of the alphabet.
    .transformations([organize(options.columns.map(({ text }) => text))])
  for (const column of options.columns) {
    const properties = columnProperties(column)
    if (properties.length > 0) panel.overrideByName(column.text, properties)
  }
  panel.overrideByRegexp('.*', emptyCell)
  if (options.panelLinks !== undefined) panel.links(options.panelLinks.map(linkBuilder))
  return { build: () => forAllVersions(panel.build()) }
}

/** What it means that there is no row would otherwise stand in each empty cell. */
const emptyCell: DynamicConfigValue[] = [{ id: 'noValue', value: '' }]

function columnProperties({ width, unit, link, mappings, hidden, inspect }: TableColumn): DynamicConfigValue[] {
  const properties: DynamicConfigValue[] = []
  if (hidden) properties.push({ id: 'custom.hidden', value: true })
  if (inspect) properties.push({ id: 'custom.inspect', value: true })
  if (width !== undefined) properties.push({ id: 'custom.width', value: width })
  if (unit !== undefined) properties.push({ id: 'unit', value: unit })
  if (link !== undefined) {
    const { title, url, isElsewhere = false } = link
    properties.push({ id: 'links', value: [{ title, url, targetBlank: isElsewhere }] })
  }
  if (mappings !== undefined) {
    properties.push({ id: 'mappings', value: valueTexts(mappings) })
    properties.push({ id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } })
  }
  return properties
}

export interface TriangleOptions extends PanelOptions, Omit<InfinityOptions, 'columns'> {
  columns: readonly TableColumn[]
  /** The columns whose cells are coloured from 0 to 1. */
  shares: { pattern: string }
}

/** A table whose cells are shares, the greater the stronger their colour. */
export function shareTable(options: TriangleOptions): Buildable {
  const table = apiTable(options)
  return {
    build: () => {
      const panel = table.build()
      panel.fieldConfig?.overrides.push({
        matcher: { id: 'byRegexp', options: options.shares.pattern },
        properties: [
          { id: 'unit', value: 'percentunit' },
          { id: 'decimals', value: 0 },
          { id: 'min', value: 0 },
          { id: 'max', value: 1 },
          { id: 'custom.width', value: 56 },
          { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
          { id: 'color', value: { mode: 'continuous-purples' } },
        ],
      })
      return panel
    },
  }
}

export interface FigureTableOptions extends PanelOptions {
  queries: readonly Query[]
  /** The columns in order, by the names that the query gives them, with what to call them. */
  columns: readonly {
    field: string
    text: string
    unit?: string
    width?: number
    mappings?: readonly ValueText[]
    color?: string
  }[]
  /** The label by which the answers of several queries are one row. */
  joinBy?: string
}

/** A table of what Prometheus answers now: a row for each combination of labels. */
export function figureTable(options: FigureTableOptions): Buildable {
  const panel = withCommon(new TablePanelBuilder(), options, 8)
    .cellHeight(TableCellHeight.Sm)
    .targets(
      targets(
        options.queries.map((query) => ({ ...query, instant: true, format: 'table' }) as const),
        '',
      ),
    )
  const fields = options.columns.map(({ field }) => field)
  const names = Object.fromEntries(options.columns.map(({ field, text }) => [field, text]))
  panel.transformations([
    ...(options.joinBy === undefined
      ? []
      : [{ id: 'joinByField', options: { byField: options.joinBy, mode: 'outer' } }]),
    { id: 'filterFieldsByName', options: { include: { names: fields } } },
    organize(fields, names),
  ])
  for (const { text, unit, width, mappings, color } of options.columns) {
    const properties = columnProperties({
      ...{ selector: '', text, type: 'string' },
      ...(unit === undefined ? {} : { unit }),
      ...(width === undefined ? {} : { width }),
      ...(mappings === undefined ? {} : { mappings }),
    })
    if (color !== undefined) properties.push(fixedColor(color))
    if (properties.length > 0) panel.overrideByName(text, properties)
  }
  panel.overrideByRegexp('.*', emptyCell)
  return { build: () => forAllVersions(panel.build()) }
}

/** One number or text of an answer of the audit API. */
export function apiStat(options: PanelOptions & InfinityOptions): Buildable {
  return (
    withCommon(new StatPanelBuilder(), options, 4, auditApi)
      .graphMode(BigValueGraphMode.None)
      .colorMode(BigValueColorMode.Value)
      // Texts too: a count beyond 10,000 is one.
      .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('/.*/'))
      .targets([new InfinityQueryBuilder(options)])
  )
}

function organize(order: readonly string[], renameByName: Record<string, string> = {}): DataTransformerConfig {
  const indexByName = Object.fromEntries(order.map((name, index) => [name, index]))
  return { id: 'organize', options: { excludeByName: {}, indexByName, renameByName } }
}

/** Grafana 10 and 11 read the pages of a table from its footer, 12 from an option of its own. */
function forAllVersions(panel: Panel): Panel {
  const footer = { show: false, reducer: ['sum'], countRows: false, fields: '', enablePagination: false }
  return { ...panel, options: { ...panel.options, footer, enablePagination: false } }
}
