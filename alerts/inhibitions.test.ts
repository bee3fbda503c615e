import { expect, test } from 'vitest'
import { dependencies } from '../catalogue/dependencies.ts'
import { catalogue } from '../catalogue/index.ts'
import { ruleGroups } from './index.ts'
import { inhibitions } from './inhibitions.ts'

const silencesOf = (name: string) => inhibitions.find(({ cause }) => cause === name)?.silences ?? []
const alerts = ruleGroups.flatMap((group) => group.alerts)

/** The alerts that read a metric of the probes, also by way of a recording rule. */
function alertsOnProbes(): string[] {
  const read = new Set(catalogue.filter(({ exposition }) => exposition === 'probes').map(({ name }) => name))
  const reads = (expression: string) =>
    (expression.match(/[a-zA-Z_:][\w:]*/g) ?? []).some((word) => read.has(word.replace(/_(bucket|sum|count)$/, '')))
  for (const { name, recordedBy } of ruleGroups.flatMap(({ recordings = [] }) => recordings))
    if (reads(recordedBy)) read.add(name)
  return alerts.filter(({ expression }) => reads(expression)).map(({ name }) => name)
}

test('ExporterDown silences every alert that reads a probe, since no probe runs without the exporter', () => {
  expect(alertsOnProbes()).toContain('QueueBacklogGrowing')
  const forgotten = alertsOnProbes().filter((name) => !silencesOf('ExporterDown').includes(name))
  expect(forgotten, 'add these to ExporterDown in alerts/inhibitions.ts').toEqual([])
})

test.each(dependencies)('$name pages when it is gone, and its page silences what follows', ({ name, alert }) => {
  const found = alerts.find((each) => each.name === alert)
  expect(found, `${alert} of ${name} is in no rule group; add it in alerts/dependencies.ts`).toBeDefined()
  expect(found?.severity).toBe('critical')
  expect(silencesOf(alert), `${alert} has no row in alerts/inhibitions.ts`).not.toEqual([])
})
