import {
  CustomVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableHide,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { allOption, noFilter } from '../catalogue/dashboards.ts'
import type { LabelsOf, Metric } from '../catalogue/define.ts'
import { anyOf } from '../catalogue/promql.ts'
import { auditApi, timeRange, variableQuery } from './infinity.ts'
import { datasource } from './queries.ts'

export interface Variable {
  name: string
  /** Whether it narrows what the panels count; a panel that does not heed it says so in its row. */
  filters: boolean
  /** What it is when a board is opened, as a link would carry it; undefined for what nobody chooses. */
  usual?: string
  build(): VariableModel
}

/**
 * All values, as one text that both sides understand: to Prometheus a pattern that matches every value, to the audit API a
 * list with `noFilter` in it.
 */
export const allValues = `.*|,${noFilter},`

const everything = { selected: true, text: ['All'], value: [allOption] }

/**
 * The values of a label: several or all. From as many metrics as it takes to offer whatever the panels of the board show:
 * what happened may have a value that nothing has any more.
 */
export function labelVariable<Of extends Metric>(
  of: readonly Of[],
  label: keyof LabelsOf<Of> & string,
  title: string,
  sort: VariableSort = VariableSort.AlphabeticalAsc,
): Variable {
  const query = `label_values(${anyOf(of)}, ${label})`
  const builder = new QueryVariableBuilder(label)
    .label(title)
    .datasource(datasource)
    .query({ qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(sort)
    .multi(true)
    .includeAll(true)
    .allValue(allValues)
    .current(everything)
  return { name: label, filters: true, usual: allValues, build: () => builder.build() }
}

/** The values that the audit log has in the range: several or all. */
export function facetVariable(name: string, title: string, facet: string): Variable {
  const builder = new QueryVariableBuilder(name)
    .label(title)
    .datasource(auditApi)
    .query(variableQuery({ route: '/v1/audit/facets', parameters: timeRange, root: facet }))
    .definition(`/v1/audit/facets, ${facet}`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.Disabled)
    .multi(true)
    .includeAll(true)
    // Empty would send every value.
    .allValue(noFilter)
    .current(everything)
  return { name, filters: true, usual: noFilter, build: () => builder.build() }
}

/** One of a few, the first unless chosen. */
export function choiceVariable(
  name: string,
  title: string,
  choices: readonly { text: string; value: string }[],
): Variable {
  const [first = { text: '', value: '' }] = choices
  const builder = new CustomVariableBuilder(name)
    .label(title)
    .values(choices.map(({ text, value }) => `${text} : ${value}`).join(', '))
    .options(choices.map((choice, index) => ({ ...choice, selected: index === 0 })))
    .current({ selected: true, ...first })
  return { name, filters: false, usual: first.value, build: () => builder.build() }
}

/** A text that is typed, or set by a link. */
export function textVariable(
  name: string,
  title: string,
  options: { value?: string; filters?: boolean; isHidden?: boolean } = {},
): Variable {
  const value = options.value ?? ''
  const builder = new TextBoxVariableBuilder(name)
    .label(title)
    .defaultValue(value)
    .current({ selected: true, text: value, value })
  if (options.isHidden) builder.hide(VariableHide.HideVariable)
  return {
    name,
    filters: options.filters ?? false,
    ...(options.filters ? { usual: value } : {}),
    build: () => builder.build(),
  }
}

/** Every board has it. */
export const datasourceVariable: Variable = {
  name: 'datasource',
  filters: false,
  build: () => new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus').build(),
}
