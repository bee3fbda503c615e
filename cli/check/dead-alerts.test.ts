import { expect, test } from 'vitest'
import { alertsDependingOn } from './dead-alerts.ts'

test('alerts that read a job are named, by way of recording rules too, each once', () => {
  const rules = [
    { record: 'b', expr: 'sum(a)' },
    { record: 'a', expr: 'rate(requests{job="platform-api"}[5m])' },
    { alert: 'Second', expr: 'b > 1' },
    { alert: 'First', expr: 'up{job="platform-api"} == 0' },
    { alert: 'First', expr: 'a > 2' },
    { alert: 'Other', expr: 'up{job="platform"} == 0' },
  ]
  expect(alertsDependingOn('job="platform-api"', rules)).toEqual(['First', 'Second'])
})
