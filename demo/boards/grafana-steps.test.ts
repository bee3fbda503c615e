import { expect, test } from 'vitest'
import { rateIntervalOf, stepOf } from './grafana-steps.ts'

const [minute, hour, day] = [60, 3_600, 86_400]

test.each([
  // The exact interval, range by points, and what Grafana's table rounds it to, by hand.
  { seconds: 30 * day, points: 1_600, leastStep: undefined, step: 30 * minute, rate: 30 * minute + 30 },
  { seconds: 30 * day, points: 800, leastStep: 5, step: hour, rate: hour + 5 },
  { seconds: 30 * day, points: 800, leastStep: 6 * hour, step: 6 * hour, rate: 24 * hour },
  { seconds: 30 * day, points: 100, leastStep: 300, step: 6 * hour, rate: 6 * hour + 300 },
  { seconds: 3 * hour, points: 800, leastStep: 5, step: 15, rate: 35 },
  { seconds: 3 * hour, points: 1_600, leastStep: 5, step: 5, rate: 35 },
  { seconds: day, points: 320, leastStep: 300, step: 300, rate: 1_200 },
])('$seconds s on $points points: a step of $step s', ({ seconds, points, leastStep, step, rate }) => {
  const options = { seconds, points, leastStep, scrapeInterval: 30 }
  expect(stepOf(options)).toBe(step)
  expect(rateIntervalOf(options)).toBe(rate)
})
