import type { KeptSet } from '../../catalogue/define.ts'
import { type View, views } from '../../catalogue/views.ts'
import type { Cells, State } from './domain.ts'
import type { Collector, RangeFunction, Reading } from './figure.ts'
import type { DomainPart, FeedPart, Part } from './parts.ts'

/** By what a set of kept label values is chosen. NULL, the empty string and our own words take no place. */
export interface LabelSet {
  /** The views that the plain statement reads. */
  views: readonly View[]
  /** Plain SQL over the views. Columns: `value`, and `n`, how many there are of it. */
  plain: string
  /** The same from the store: counts that are there anyway, so that a set with room costs no look at the past. */
  emit: string
  reads: Reading & { of: State }
}

/** The metric whose items are chosen again each day, by its own counts. Columns: `category`, `item`, `window`, `value`. */
export interface DailyItems {
  collector: string
  reads: State
  plain: string
  emit: string
}

/** All that is counted: what the engine is told of figures. */
export interface FigureSet {
  /** In the order of a refresh and of the exposition. */
  collectors: readonly Collector[]
  labelSets: Readonly<Record<KeptSet, LabelSet>>
  dailyItems: DailyItems
  /** The state of users: its column `is_internal` says whose rows are counted nowhere. */
  accounts: State
}

/** What a store keeps and shows. Parts, their order and what they need follow from the figures. */
export interface Layout extends FigureSet {
  /** In the order of a refresh: the accounts first, since facts ask them who is internal; then what changed, then states. */
  parts: readonly Part[]
  rangeFunctions: readonly RangeFunction[]
}

/**
 * The layout that the figures need.
 * @throws where two states have one name, or two sums: their tables would be one
 */
export function layoutOf(figures: FigureSet): Layout {
  const { collectors, labelSets, accounts } = figures
  const readings: readonly Reading[] = [
    { of: accounts },
    ...Object.values(labelSets).map(({ reads }) => reads),
    ...collectors.flatMap(({ reads }) => reads),
  ]
  const feeds = views.map((view) => feedOf(view, readings))
  const domains = distinctStates(readings).map((state) => domainOf(state, readings))
  refuseTwice(
    'sums',
    [...feeds, ...domains].flatMap((part) => cellsOfPart(part).map(({ name }) => name)),
  )
  const isFirst = (part: Part) => part.name === accounts.name || part.name === feedName('users')
  return {
    ...figures,
    parts: [
      ...feeds.filter(isFirst),
      ...domains.filter(isFirst),
      ...feeds.filter((part) => !isFirst(part)),
      ...domains.filter((part) => !isFirst(part)),
    ],
    rangeFunctions: collectors.flatMap(({ ranges }) => ranges ?? []),
  }
}

export const feedName = (view: View): string => `feed ${view}`
/** The part that keeps a state, or reads a view. */
export const partName = (of: State | View): string => (typeof of === 'string' ? feedName(of) : of.name)

export const cellsOfPart = (part: Part): readonly Cells[] =>
  part.kind === 'feed' ? (part.facts?.cells ?? []) : part.domain.cells

function feedOf(view: View, readings: readonly Reading[]): FeedPart {
  const cells = readings.flatMap(({ of, sums }) => (of === view ? (sums ?? []) : []))
  const rows = distinctStates(readings).find(({ rowsOf }) => rowsOf === view)
  return { kind: 'feed', name: feedName(view), view, facts: cells.length === 0 ? undefined : { view, cells }, rows }
}

function domainOf(state: State, readings: readonly Reading[]): DomainPart {
  const cells = readings.flatMap(({ of, sums }) => (of === state ? (sums ?? []) : []))
  return { kind: 'domain', name: state.name, domain: { ...state, cells } }
}

function distinctStates(readings: readonly Reading[]): State[] {
  const states = [...new Set(readings.flatMap(({ of }) => (typeof of === 'string' ? [] : [of, ...(of.asks ?? [])])))]
  refuseTwice(
    'state',
    states.map(({ name }) => name),
  )
  return states
}

function refuseTwice(what: string, names: readonly string[]): void {
  const twice = names.find((name, place) => names.indexOf(name) < place)
  if (twice !== undefined) throw new Error(`the ${what} ${twice} is declared twice; expected a name of its own`)
}

/** The views without which a part cannot be; facts ask the accounts. */
export const viewsOf = (part: Part): readonly View[] =>
  part.kind === 'domain' ? part.domain.views : part.facts === undefined ? [part.view] : [part.view, 'users']

/** What has to be brought up to date before a part: its feeds, and the accounts. */
export function neededBy(part: Part, accounts: State): readonly string[] {
  if (part.kind === 'feed') return part.facts === undefined ? [] : [accounts.name]
  const feeds = part.domain.views.map(feedName)
  return part.name === accounts.name || !part.domain.views.includes('users') ? feeds : [...feeds, accounts.name]
}

/** The parts that a collector needs, its feeds and the accounts among them, in the order of a refresh. */
export function partsBehind({ parts, accounts }: Pick<Layout, 'parts' | 'accounts'>, { reads }: Collector): Part[] {
  const found = new Set<string>()
  const visit = (name: string): void => {
    const part = parts.find((one) => one.name === name)
    if (part === undefined || found.has(name)) return
    found.add(name)
    const asked = part.kind === 'domain' ? (part.domain.asks ?? []) : []
    for (const needed of [...neededBy(part, accounts), ...asked.map(({ name }) => name)]) visit(needed)
  }
  for (const { of } of reads) visit(partName(of))
  return parts.filter(({ name }) => found.has(name))
}
