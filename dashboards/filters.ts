import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Buildable } from './panel-options.ts'

/** Panels that tell one part of the story. */
export interface Section {
  title: string
  panels: readonly Buildable[]
}

/**
 * A section as rows: first the panels that heed every filter of the board, then, under a title that says so, those whose
 * figures do not have the label of one.
 */
export function splitByFilters(section: Section, filters: readonly string[]): { title: string; panels: Panel[] }[] {
  const rows = new Map<string, Panel[]>()
  for (const panel of section.panels.map((each) => each.build())) {
    const ignored = filtersIgnored(panel, filters).join(', ')
    rows.set(ignored, [...(rows.get(ignored) ?? []), panel])
  }
  return [...rows]
    .sort(([one], [other]) => one.split(', ').length - other.split(', ').length || one.length - other.length)
    .map(([ignored, panels]) => ({
      title: ignored === '' ? section.title : `${section.title}. Not filtered by ${ignored}`,
      panels,
    }))
}

/** The filters that the title of a row says its panels do not heed. */
export function notFilteredBy(row: string): string[] {
  return /Not filtered by (.*)$/.exec(row)?.[1]?.split(', ') ?? []
}

/** The filters that do not stand in every query of a panel. */
export function filtersIgnored(panel: Panel, filters: readonly string[]): string[] {
  const queries = (panel.targets ?? []).map((target) => JSON.stringify(target))
  return filters.filter((name) => !queries.every((query) => mentions(query, name)))
}

/** Whether a text has the variable, as `$name` or `${name}` or `${name:format}`. */
export function mentions(text: string, name: string): boolean {
  return new RegExp(`\\$(?:${name}(?!\\w)|\\{${name}(?::\\w+)?\\})`).test(text)
}
