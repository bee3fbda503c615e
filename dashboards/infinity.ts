import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'

/** The audit API, by the uid that provisioning gives it. */
export const auditApi = { type: 'yesoreyeram-infinity-datasource', uid: 'audit-api' }

export interface Column {
  /** Where it stands in an item, such as `actor.name`. */
  selector: string
  /** Its heading. */
  text: string
  type: 'string' | 'number' | 'timestamp'
}

export interface InfinityOptions {
  /** A route of the API, such as `/v1/audit/events`. */
  route: string
  /** Parameters, in which variables may stand; a name may come twice. */
  parameters?: readonly (readonly [key: string, value: string])[]
  /** Where the list stands in the answer; the answer itself where left empty. */
  root?: string
  columns: readonly Column[]
}

/** The time range of the board as the API takes it. */
export const timeRange = [
  ['from', '${__from:date:iso}'],
  ['to', '${__to:date:iso}'],
] as const

/** Parameters of the same names as the variables of a board. */
export function apiFilter(...names: readonly string[]): (readonly [string, string])[] {
  return names.map((name) => [name, `\${${name}:csv}`] as const)
}

/** The model of a query that was found to work from Infinity 3.7.1 on; the SDK has no builder for it. */
function model(options: InfinityOptions) {
  return {
    type: 'json',
    source: 'url',
    parser: 'backend',
    format: 'table',
    url: options.route,
    url_options: {
      method: 'GET',
      data: '',
      params: (options.parameters ?? []).map(([key, value]) => ({ key, value })),
      headers: [],
    },
    root_selector: options.root ?? 'items',
    columns: options.columns.map(({ selector, text, type }) => ({ selector, text, type })),
    filters: [],
    computed_columns: [],
  }
}

/** One request to the audit API, as a target of a panel. */
export class InfinityQueryBuilder implements Builder<Dataquery> {
  readonly options: InfinityOptions & { refId?: string }

  constructor(options: InfinityOptions & { refId?: string }) {
    this.options = options
  }

  build(): Dataquery {
    const query = { refId: this.options.refId ?? 'A', datasource: auditApi, ...model(this.options) }
    // The SDK marks what is a query by a method, which must not reach the JSON.
    return Object.defineProperty(query, '_implementsDataqueryVariant', {
      value: () => undefined,
      enumerable: false,
    }) as typeof query & Dataquery
  }
}

/** The query of a variable: items with value and text. */
export function variableQuery(options: Omit<InfinityOptions, 'columns'>) {
  return {
    queryType: 'infinity',
    refId: 'variable',
    query: '',
    meta: { valueField: 'value', textField: 'text' },
    infinityQuery: {
      refId: 'variable',
      datasource: auditApi,
      ...model({
        ...options,
        columns: [
          { selector: 'value', text: 'value', type: 'string' },
          { selector: 'text', text: 'text', type: 'string' },
        ],
      }),
    },
  }
}
