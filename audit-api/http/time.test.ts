import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toUtcMicroseconds } from './time.ts'

test.each([
  ['2026-03-01T12:00:00Z', '2026-03-01T12:00:00.000000Z'],
  ['2026-03-01t12:00:00.5z', '2026-03-01T12:00:00.500000Z'],
  ['2026-03-01T12:00:00.123456789+05:30', '2026-03-01T06:30:00.123456Z'],
  ['2024-02-29T23:59:59-01:00', '2024-03-01T00:59:59.000000Z'],
  ['2026-02-29T00:00:00Z', undefined],
  ['2026-13-01T00:00:00Z', undefined],
  ['2026-03-01T24:01:00Z', undefined],
  ['2026-03-01T12:00:60Z', undefined],
  ['2026-03-01T12:00:00', undefined],
  ['2026-03-01', undefined],
  ['now', undefined],
])('%s', (text, expected) => {
  expect(toUtcMicroseconds(text)).toBe(expected)
})

test('any moment of JavaScript comes back as itself', () => {
  const moments = fc.date({ min: new Date('1000-01-01'), max: new Date('9999-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(moments, (moment) => {
      expect(toUtcMicroseconds(moment.toISOString())).toBe(moment.toISOString().replace('Z', '000Z'))
    }),
  )
})

test('a time is right or wrong in UTC as it is with a zone of no hours, whatever its digits', () => {
  const digits = (length: number, max: number) => fc.nat(max).map((value) => String(value).padStart(length, '0'))
  const parts = fc.tuple(digits(4, 9999), digits(2, 14), digits(2, 33), digits(2, 26), digits(2, 62), digits(2, 62))
  fc.assert(
    fc.property(parts, ([year, month, day, hour, minute, second]) => {
      const text = `${year}-${month}-${day}T${hour}:${minute}:${second}.500`
      expect(toUtcMicroseconds(`${text}Z`)).toBe(toUtcMicroseconds(`${text}+00:00`))
    }),
    { numRuns: 2_000 },
  )
})
