import { layout } from '../../exporter/figures/index.ts'
import { statementsOf } from '../../exporter/store/explain.ts'
import { type Collector, presentOnly } from '../../exporter/store/figure.ts'
import type { Part } from '../../exporter/store/parts.ts'

/**
 * The SQL of every figure and of every part of the store, as it is rendered: a review sees what a change of a rule comes to.
 * @returns by path below the root
 */
export function renderFigureSql(): Map<string, string> {
  return new Map([
    ...layout.collectors.map((collector) => [pathOf(`figure-${collector.name}`), ofCollector(collector)] as const),
    ...layout.parts.map((part) => [pathOf(`part-${part.name}`), ofPart(part)] as const),
  ])
}

const pathOf = (name: string): string => `exporter/figures/generated/${name.replace(/[ _]/g, '-')}.sql`
const section = (title: string, sql: string): string => `-- ${title}\n${sql.trim()};\n`

function ofCollector({ figures, ranges }: Collector): string {
  return [
    ...figures.flatMap(({ metric, sql, emit, past }) => [
      section(`${metric.name}: plain SQL, which defines it`, sql),
      section(`${metric.name}: from the store`, emit),
      ...(past === presentOnly ? [] : [section(`${metric.name}: what changed it, for its past`, past.changes)]),
    ]),
    ...(ranges ?? []).map(({ name, sql }) => section(`analytics_${name}: over a range`, sql)),
  ].join('\n')
}

function ofPart(part: Part): string {
  const { build, refresh } = statementsOf(layout, part)
  return [...build, ...refresh].map(({ title, sql }) => section(title, sql)).join('\n')
}
