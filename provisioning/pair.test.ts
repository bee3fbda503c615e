import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { type PrometheusOfPair, type Received, sentBy, startPair } from '../testing/pair.ts'

/** Alerts that fire at once, with the labels of ours. */
function rulesOf(names: readonly string[]): string {
  const rules = names.map((alert) => ({
    ...{ alert, expr: 'vector(1)', labels: { severity: 'critical', component: 'redis' } },
    annotations: { summary: 'it is bad', description: 'It is.', runbook_url: 'docs/a.md', dashboard_url: '/d/a' },
  }))
  return stringify({ groups: [{ name: 'pair', interval: '1s', rules }] })
}

const titles = (messages: readonly Received[]) => messages.map(({ body }) => body.attachments?.[0]?.title)
const titleOf = (name: string) => `CRITICAL ${name}: it is bad`
const patience = { timeout: 30_000, interval: 200 }

test('a pair of Prometheis and a cluster of Alertmanagers page once, also when one of each is killed', async () => {
  const pair = await startPair({
    exporters: [],
    changePrometheus: (configuration) => {
      Object.assign(configuration.global, { evaluation_interval: '1s' })
      configuration.rule_files = ['pair.yml']
    },
    changeAlertmanager: ({ route }) => Object.assign(route, { group_wait: '1s', group_interval: '1s' }),
    prometheusFlags: ['--rules.alert.resend-delay=1s'],
    // How long the second and the third wait for the one before them to have sent it; 15 s where nothing is said.
    alertmanagerFlags: ['--cluster.peer-timeout=3s'],
  })
  onTestFinished(() => pair.stop())
  const [first, second] = pair.prometheis as [PrometheusOfPair, PrometheusOfPair]
  const fire = async (prometheis: readonly PrometheusOfPair[], names: readonly string[]) => {
    for (const { url, directory } of prometheis) {
      writeFileSync(join(directory, 'pair.yml'), rulesOf(names))
      expect((await fetch(`${url}/-/reload`, { method: 'POST' })).status).toBe(200)
    }
  }
  await fire(pair.prometheis, ['RedisDown'])
  await vi.waitFor(async () => expect(titles(await pair.slack())).toEqual([titleOf('RedisDown')]), patience)
  for (const { url } of pair.alertmanagers) {
    const alerts = await (await fetch(`${url}/api/v2/alerts`)).json()
    expect(alerts, 'every Alertmanager has it once').toHaveLength(1)
  }

  // Until the others have heard of it: who dies before that has its page sent again, as it must be.
  await sleep(2_000)
  // Who sent it is the one whose memory of it is lost.
  const sender = (await sentBy(pair.alertmanagers, 'slack')).findIndex((count) => count > 0)
  await Promise.all([pair.alertmanagers[sender]?.signal('SIGKILL'), first.signal('SIGKILL')])
  await sleep(10_000)
  expect(titles(await pair.slack())).toEqual([titleOf('RedisDown')])

  await fire([second], ['RedisDown', 'StorageDown'])
  await vi.waitFor(async () => expect(titles(await pair.slack())).toContain(titleOf('StorageDown')), patience)
  await sleep(5_000)
  expect(titles(await pair.slack()).toSorted()).toEqual([titleOf('RedisDown'), titleOf('StorageDown')])
  expect(await pair.pagerduty()).toHaveLength(2)
}, 120_000)
