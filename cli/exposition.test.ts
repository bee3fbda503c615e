import { expect, test } from 'vitest'
import { UserError } from '../lib/user-error.ts'
import { parseExposition } from './exposition.ts'

test('samples are read with their labels, comments passed over', () => {
  const text = [
    '# HELP up A metric.',
    '# TYPE up gauge',
    'up 1',
    'up{a="b"} 2.5e3',
    'up{a="b",c="d",} -0.5 1700000000000',
    '',
    '# EOF',
  ].join('\n')
  expect(parseExposition(text)).toEqual([
    { name: 'up', labels: {}, value: 1 },
    { name: 'up', labels: { a: 'b' }, value: 2500 },
    { name: 'up', labels: { a: 'b', c: 'd' }, value: -0.5 },
  ])
})

test('a label may hold quotes, backslashes, line breaks, braces, commas and any script', () => {
  const [reading] = parseExposition('up{a="x\\"y\\\\n\\n{},= #",b="日本"} 1')
  expect(reading?.labels).toEqual({ a: 'x"y\\n\n{},= #', b: '日本' })
})

test('values that are no decimal numbers, and exemplars, are read as Prometheus does', () => {
  const values = parseExposition('a +Inf\nb -Inf\nc NaN\nd_bucket{le="1"} 3 # {trace_id="x"} 0.5 1.2\ne .5').map(
    ({ value }) => value,
  )
  expect(values).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 3, 0.5])
})

test.each(['<!doctype html>', 'up', 'up{a=b} 1', 'up{a="b} 1', 'up one', 'up{a="b" c="d"} 1', '{a="b"} 1', 'up 0x10'])(
  '%s is refused with its line',
  (line) => {
    expect(() => parseExposition(`up 1\n${line}\n`)).toThrow(UserError)
    expect(() => parseExposition(`up 1\n${line}\n`)).toThrow('line 2 is')
  },
)
