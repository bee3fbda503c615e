import { expect, test } from 'vitest'
import { catalogue } from '../catalogue/index.ts'
import { boards, parse } from '../testing/dashboards.ts'
import { notFilteredBy } from './filters.ts'

const labelsOf = (name: string): string[] => {
  const metric = catalogue.find(
    (each) => each.name === name || new RegExp(`^${each.name}_(bucket|sum|count)$`).test(name),
  )
  return Object.keys(metric?.labels ?? {})
}

const filtered = boards
  .map((board) => ({ ...board, filters: board.variables.filter(({ multi }) => multi).map(({ name }) => name) }))
  .filter(({ filters }) => filters.length > 0)

test('the boards that can be filtered are those that were asked for', () => {
  expect(Object.fromEntries(filtered.map(({ uid, filters }) => [uid, filters]))).toEqual({
    'barometer-users': ['tier', 'country', 'activity', 'characters'],
    'barometer-content': ['type', 'quality', 'rating'],
    'barometer-revenue': ['currency', 'tier'],
    'barometer-audit': ['admin', 'action', 'resource_type', 'outcome'],
  })
})

test.each(filtered)(
  '$uid: a panel heeds every filter but those that its row names, and these it cannot',
  ({ panels, filters }) => {
    for (const panel of panels) {
      const said = notFilteredBy(panel.row)
      const selectors = (panel.targets ?? []).flatMap(({ expr }) => (expr === undefined ? [] : parse(expr).selectors))
      const figures = selectors.filter(({ metric }) => labelsOf(metric).length > 0)
      for (const name of filters) {
        const isHeeded = (matchers: { label: string; value: string }[]) =>
          matchers.some(({ label, value }) => label === name && value === '.*')
        if (!said.includes(name)) {
          // What is divided by may lack the label: MRR of a currency over all who pay.
          const having = figures.filter(({ metric }) => labelsOf(metric).includes(name))
          if (figures.length > 0) expect(having.length, `${panel.title} by ${name}`).toBeGreaterThan(0)
          for (const { metric, matchers } of having) {
            expect(isHeeded(matchers), `${panel.title}: ${metric} by ${name}`).toBe(true)
          }
        } else if (figures.length > 0) {
          const couldBe = figures.every(({ metric }) => labelsOf(metric).includes(name))
          expect(couldBe, `${panel.title} could be filtered by ${name}`).toBe(false)
        }
      }
    }
  },
)
