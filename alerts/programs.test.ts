import { copyFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writePrometheusFiles } from '../demo/launcher/monitoring.ts'
import { type RunningPrometheus, startPrometheus } from '../demo/stack/prometheus.ts'
import { testsOfNoVersion, testsOfPrograms } from '../testing/compat/tests.ts'
import { queries, withValues } from '../testing/dashboards.ts'
import { testDirectory } from '../testing/directory.ts'
import { run } from '../testing/programs.ts'
import { readSourceFiles } from '../tools/tidy/files.ts'
import { ruleGroups } from './index.ts'

/** What the real programs say of the configuration that everybody gets, and of every expression there is. */
const root = resolve(import.meta.dirname, '..')
let prometheus: RunningPrometheus
let configFile: string

beforeAll(async () => {
  const directory = testDirectory('programs')
  // Nobody listens there: what is judged needs no sample.
  const nobody = 'http://127.0.0.1:1'
  configFile = writePrometheusFiles(directory, {
    ...{ exporter: nobody, auditApi: nobody, platformApi: nobody, alertmanager: nobody, prometheus: nobody },
  })
  prometheus = await startPrometheus({ directory, configFile })
})
afterAll(() => prometheus?.stop())

test('promtool takes the configuration with its rules and files of targets', async () => {
  expect(await run('promtool', ['check', 'config', configFile])).not.toContain('FAILED')
})

test('promtool takes the configuration of a pair', async () => {
  // Its rules and targets are put beside it in its container: the same ones.
  const file = join(testDirectory('of-a-pair'), 'prometheus.yml')
  copyFileSync(join(root, 'provisioning', 'scale', 'prometheus.yml'), file)
  expect(await run('promtool', ['check', 'config', file])).toContain('SUCCESS')
})

test('Prometheus runs every group of rules, and no rule fails', async () => {
  const response = await fetch(`${prometheus.url}/api/v1/rules`)
  const { data } = (await response.json()) as { data: { groups: { name: string; rules: { lastError?: string }[] }[] } }
  expect(data.groups.map(({ name }) => name).toSorted()).toEqual(ruleGroups.map(({ name }) => name).toSorted())
  for (const { name, rules } of data.groups) for (const { lastError } of rules) expect(lastError ?? '', name).toBe('')
})

const expressions = [
  ...queries.map(({ where, expression }) => ({ where, expression: withValues(expression) })),
  ...ruleGroups.flatMap(({ name, alerts, recordings = [] }) => [
    ...alerts.map((alert) => ({ where: `${name} > ${alert.name}`, expression: alert.expression })),
    ...recordings.map((recording) => ({ where: `${name} > ${recording.name}`, expression: recording.recordedBy })),
  ]),
]

test('Prometheus itself evaluates every query of every board, every alert and every recording', async () => {
  const refused: string[] = []
  for (const { where, expression } of expressions) {
    const response = await fetch(`${prometheus.url}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expression }),
    })
    const { error } = (await response.json()) as { error?: string }
    if (error !== undefined) refused.push(`${where}: ${error} in ${expression}`)
  }
  expect(expressions.length).toBeGreaterThan(200)
  expect(refused).toEqual([])
})

test('every test that starts one of these programs is part of npm run test:compat', () => {
  const pattern =
    /from '(?:\.{1,2}\/)+(?:demo\/)?(?:stack\/)?(?:prometheus|alertmanager|debian-packages)\.ts'|testing\/(?:prometheus|programs|past|pair)\.ts'/
  const found = readSourceFiles(root)
    .filter(({ path, content }) => /(?<!\.long)\.test\.ts$/.test(path) && pattern.test(content))
    .map(({ path }) => path)
  expect([...testsOfPrograms, ...testsOfNoVersion]).toEqual(expect.arrayContaining(found))
  expect(found).toContain('alerts/delivery.test.ts')
})
