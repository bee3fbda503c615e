import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Metric } from '../../catalogue/define.ts'
import { catalogue } from '../../catalogue/index.ts'
import { views } from '../../catalogue/views.ts'
import { secondImplementation } from '../../testing/second-implementation/index.ts'
import { cellsOf, dirtyOf, stateOf } from '../store/domain.ts'
import { type Collector, type Figure, sourcesOf } from '../store/figure.ts'
import { cellsOfPart, partName, partsBehind } from '../store/layout.ts'
import { collectors, layout } from './index.ts'

/** What can be forgotten when a figure is added, without a database: each message names the file to edit. */

const directory = import.meta.dirname
const index = 'exporter/figures/index.ts'
const areas = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())

/** Files that declare a collector, by the collector's name in the code. */
const declared = areas.flatMap(({ name: area }) =>
  readdirSync(join(directory, area))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => {
      const text = readFileSync(join(directory, area, file), 'utf8')
      return [...text.matchAll(/^export const (\w+)(?:: Collector\b| = \{[\s\S]*?\} satisfies Collector\b)/gm)].map(
        ([, constant = '']) => ({ path: `exporter/figures/${area}/${file}`, file, constant }),
      )
    }),
)

/** @returns a line for each thing that is missing */
function missingFrom(wanted: readonly string[], found: readonly string[], say: (one: string) => string): string[] {
  return wanted.filter((one) => !found.includes(one)).map(say)
}

test('every collector of a file is in the list', () => {
  const names = collectors.map(({ name }) => `${name}.ts`)
  expect(
    missingFrom(
      declared.map(({ file }) => file),
      names,
      (file) => `${index}: does not list the collector of ${declared.find((one) => one.file === file)?.path}`,
    ),
  ).toEqual([])
})

test('a file declares one collector', () => {
  const twice = declared.filter(({ path }, place) => declared.findIndex((one) => one.path === path) < place)
  expect(
    twice.map(({ path, constant }) => `${path}: declares a second collector, ${constant}; expected a file of its own`),
  ).toEqual([])
})

test('every metric of the figures has a figure, in the file that the catalogue names as its owner', () => {
  const filled = collectors.flatMap(({ name, figures }) => figures.map(({ metric }) => `${metric.name} by ${name}`))
  const wanted = catalogue.filter(({ exposition }) => exposition === 'figures')
  expect(
    missingFrom(
      wanted.map(({ name, owner }) => `${name} by ${owner}`),
      filled,
      (one) => `exporter/figures/<area>/${one.split(' by ')[1]}.ts: has no figure ${one.split(' by ')[0]}`,
    ),
  ).toEqual([])
  expect(
    missingFrom(
      filled,
      wanted.map(({ name, owner }) => `${name} by ${owner}`),
      (one) => `catalogue/: has no metric ${one}, or its domain is not in catalogue/index.ts`,
    ),
  ).toEqual([])
})

test('every figure has a second implementation', () => {
  const second = secondImplementation.map(({ name }) => name)
  const figures = collectors.flatMap((collector) => collector.figures.map(({ metric }) => metric.name))
  expect(
    missingFrom(figures, second, (name) => `testing/second-implementation/: has no loop that works out ${name}`),
  ).toEqual([])
})

test('the metrics of a collector are of the same views, which are those that it stands or falls with', () => {
  for (const collector of collectors)
    for (const { metric } of collector.figures)
      expect([...metric.sources].sort(), `catalogue/: the sources of ${metric.name}`).toEqual(
        [...sourcesOf(collector)].sort(),
      )
})

const states = layout.parts.flatMap((part) => (part.kind === 'domain' ? [part.domain] : []))

test.each(states.map((state) => [state.name, state] as const))(
  'the state %s names the views and the states that its statements look into',
  (name, state) => {
    const text = [
      state.contribution(() => 'entities'),
      ...Object.values(state.dirtiedBy ?? {}),
      state.turnedBy ?? '',
    ].join('\n')
    const read = views.filter((view) => new RegExp(`\\b(?:FROM|JOIN) "?${view}\\b`).test(text))
    for (const view of read)
      expect(state.views, `the state ${name} reads the view ${view}, which is not in its views`).toContain(view)
    const asked = [state, layout.accounts, ...(state.asks ?? [])].flatMap((one) => [stateOf(one), dirtyOf(one)])
    for (const table of text.match(/\brollup_\w+/g) ?? [])
      expect([...asked, 'rollup_part'], `the state ${name} looks into ${table}, which is not in its asks`).toContain(
        table,
      )
  },
)

describe.each(collectors.map((collector) => [collector.name, collector] as const))('%s', (name, collector) => {
  const path = declared.find(({ file }) => file === `${name}.ts`)?.path ?? `exporter/figures/<area>/${name}.ts`

  test('reads only tables of what it declares in `reads`', () => {
    const allowed = tablesOf(collector)
    for (const { metric, emit } of collector.figures)
      for (const table of emit.match(/\brollup_\w+/g) ?? [])
        expect(allowed, `${path}: ${metric.name} reads ${table}, which is of none of its reads`).toContain(table)
  })

  test('range functions read only tables of what they need', () => {
    for (const range of collector.ranges ?? []) {
      const needed = range.needs.map(partName)
      const tables = layout.parts.filter((part) => needed.includes(part.name)).flatMap(tablesOfPart)
      for (const table of range.sql.match(/\brollup_\w+/g) ?? [])
        expect(tables, `${path}: analytics_${range.name} reads ${table}, which is of nothing it needs`).toContain(table)
    }
  })

  test.each(collector.figures.map((figure) => [figure.metric.name, figure] as const))(
    '%s knows the label values that the catalogue knows',
    (_, figure) => {
      for (const [label, { values }] of Object.entries(figure.metric.labels)) {
        for (const value of values ?? []) {
          for (const [of, sql] of [
            ['sql', figure.sql],
            ['emit', readThrough(collector, figure)],
          ] as const)
            if (!isNumber(values))
              expect(
                literals(sql),
                `${path}: the ${of} of ${figure.metric.name} never gives ${label}="${value}"`,
              ).toContain(value)
        }
      }
      const known = valuesKnown(figure.metric)
      for (const sql of [figure.sql, figure.emit])
        for (const [, value = ''] of sql.matchAll(/\b(?:THEN|ELSE) '([^']*)'/g))
          expect(known, `${path}: ${figure.metric.name} gives '${value}', which is no label value`).toContain(value)
    },
  )
})

const tablesOfPart = (part: (typeof layout.parts)[number]): string[] => [
  ...cellsOfPart(part).map(cellsOf),
  ...(part.kind === 'domain' ? [stateOf(part.domain)] : []),
]

/** Tables of the parts that a collector reads: its own sums, the states, and the accounts. */
function tablesOf(collector: Collector): string[] {
  const own = collector.reads.flatMap(({ of, sums }) => [
    ...(typeof of === 'string' ? [] : [stateOf(of)]),
    ...(sums ?? []).map(cellsOf),
  ])
  return [...own, stateOf(layout.accounts)]
}

/** The text that says what a figure read from the store can give: its statement and those that keep what it reads. */
function readThrough(collector: Collector, figure: Figure): string {
  const states = partsBehind(layout, collector).flatMap((part) =>
    part.kind === 'domain' ? [part.domain.contribution(() => 'entities')] : [],
  )
  const sums = collector.reads.flatMap(({ sums }) => sums ?? [])
  const keys = sums.flatMap(({ keys, where, join }) => [...Object.values(keys).map(({ from }) => from), where, join])
  return [figure.emit, ...states, ...keys].join('\n')
}

const literals = (sql: string): string[] => [...sql.matchAll(/'([^']*)'/g)].map(([, value = '']) => value)
const isNumber = (values: readonly string[] | undefined): boolean =>
  values?.every((value) => /^\d+$/.test(value)) === true

/** Label values that a figure may write: those of its metric, and what stands for the rest. */
function valuesKnown(metric: Metric): string[] {
  const own = Object.values(metric.labels).flatMap(({ values }) => values ?? [])
  return [...own, 'unknown', 'other', 'free']
}
