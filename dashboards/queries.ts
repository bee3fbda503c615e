import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import type { Metric } from '../catalogue/define.ts'
import { type Matchers, sum, value } from '../catalogue/promql.ts'

/** The data source variable that every target uses. */
export const datasource = { type: 'prometheus', uid: '${datasource}' }

/** One query of a panel; what business figures show moves by the hour, so a finer step only costs. */
export function query(expression: string, options: { legend?: string; refId?: string; interval?: string } = {}) {
  return new DataqueryBuilder()
    .refId(options.refId ?? 'A')
    .datasource(datasource)
    .expr(expression)
    .legendFormat(options.legend ?? '')
    .interval(options.interval ?? '')
    .range()
}

/** The sum over all labels of a figure that may be added. */
export function total<Of extends Metric>(of: Of, matchers: Matchers<Of> = {}): string {
  return sum(value(of, matchers))
}
