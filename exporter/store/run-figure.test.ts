import { expect, test } from 'vitest'
import { activeUsers, sessions } from '../../catalogue/users.ts'
import { inputsAt } from '../../testing/second-implementation/history.ts'
import { bind, runFigure } from './run-figure.ts'

const inputs = inputsAt('2026-06-15 12:00:00.000001Z', { timezone: 'Asia/Kolkata' })

test('a name is bound once however often it stands there, and casts are left alone', () => {
  const bound = bind(
    `SELECT :as_of, x::date, :timezone, :as_of - '1 h'::interval FROM t WHERE c = ANY (:kept_country)`,
    inputs,
  )
  expect(bound.text).toBe(
    `SELECT $1::timestamptz, x::date, $2::text, $1::timestamptz - '1 h'::interval FROM t WHERE c = ANY ($3::text[])`,
  )
  expect(bound.values).toEqual(['2026-06-15 12:00:00.000001Z', 'Asia/Kolkata', []])
})

test('text between quotes and in comments is no name', () => {
  const sql = `SELECT ':as_of', 'it''s :timezone', ":power" -- :casual\n/* :regular */ FROM t WHERE at = ':' || :as_of`
  expect(bind(sql, inputs).text).toBe(sql.replace(/:as_of$/, '$1::timestamptz'))
})

test('a name that nobody gives is refused', () => {
  expect(() => bind('SELECT :as_off', inputs)).toThrow(/asks for :as_off; expected one of as_of, timezone/)
})

/** Answers every statement with these rows. */
const answering = (rows: Record<string, unknown>[]) =>
  ({ query: async () => ({ rows }) }) as unknown as Parameters<typeof runFigure>[0]

test('zeros are filled for our own values, once for each combination of the others that was seen', async () => {
  const figure = { metric: activeUsers, sql: '' }
  const rows = [
    { window: '1d', tier: 'pro', country: 'DE', value: '3' },
    { window: '7d', tier: 'free', country: 'FR', value: '4' },
  ]
  const { samples } = await runFigure(answering(rows), figure, inputs)
  const found = samples.map((sample) => [Object.values(sample.labels).join(' '), 'value' in sample && sample.value])
  expect(found.sort()).toEqual([
    ['1d free FR', 0],
    ['1d pro DE', 3],
    ['30d free FR', 0],
    ['30d pro DE', 0],
    ['7d free FR', 4],
    ['7d pro DE', 0],
  ])
})

test('a metric with labels of our own alone is whole without a row, and nothing is filled in a sparse one', async () => {
  const whole = await runFigure(answering([]), { metric: sessions, sql: '' }, inputs)
  expect(whole.samples).toHaveLength(4)
  const sparse = await runFigure(answering([]), { metric: sessions, sql: '', sparse: true }, inputs)
  expect(sparse.samples).toEqual([])
})
