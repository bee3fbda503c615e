import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { testDirectory } from '../testing/directory.ts'
import { commandLines, filesWith, secretsOfDemo } from '../testing/traces.ts'
import { findChromium } from './launcher/check-grafana.ts'
import { findOnPath } from './stack/debian-packages.ts'

interface Received {
  body: { event_action?: string; payload?: { summary?: string }; attachments?: { title?: string }[] }
}

/** Asks until there is an answer; a page takes 53 s at worst. */
async function eventually<Value>(
  timeoutMs: number,
  look: () => Promise<Value | undefined>,
): Promise<Value | undefined> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined || Date.now() > deadline) return found
    await sleep(500)
  }
}

test('the demo comes up, a killed Redis reaches Slack and PagerDuty, and nothing is left', async () => {
  const directory = join(testDirectory('demo'), 'run')
  const launcher = resolve(import.meta.dirname, 'launcher.ts')
  const child = spawn(process.execPath, [launcher, '--directory', directory], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const exited = once(child, 'exit')

  // 40 s where nothing else runs; a busy machine may take several times that.
  const ready = await eventually(240_000, async () => /ready in (\d+) s/.exec(output)?.[1])
  expect(ready, output).toBeDefined()
  for (const part of ['Users', 'DAU', 'WAU', 'MAU', 'Images', 'success rate', 'MRR', 'Queue', 'Health']) {
    expect(output).toContain(part)
  }

  const addressOf = (name: string) => new RegExp(`^${name}\\s+(http\\S+)$`, 'm').exec(output)?.[1] ?? name
  const requests = async (name: string) => (await (await fetch(`${addressOf(name)}/requests`)).json()) as Received[]
  expect(await requests('fake Slack'), 'nothing is paged while all is well').toEqual([])
  process.kill(Number(/kill -9 (\d+)/.exec(output)?.[1]), 'SIGKILL')
  const message = await eventually(75_000, async () =>
    (await requests('fake Slack')).find(({ body }) => body.attachments?.[0]?.title?.includes('RedisDown')),
  )
  expect(message?.body.attachments?.[0]?.title).toMatch(/^CRITICAL RedisDown: Redis 127\.0\.0\.1:\d+ does not answer$/)
  const event = await eventually(15_000, async () =>
    (await requests('fake PagerDuty')).find(({ body }) => body.payload?.summary?.includes('RedisDown')),
  )
  expect(event?.body.event_action).toBe('trigger')

  const secrets = secretsOfDemo(directory)
  expect(secrets.length, 'passwords of three roles, and keys').toBeGreaterThanOrEqual(5)
  const told = commandLines().filter((line) => secrets.some((secret) => line.includes(secret)))
  expect(told, 'a secret on a command line').toEqual([])
  expect(secrets.filter((secret) => output.includes(secret))).toEqual([])
  // What Postgres and Prometheus keep is theirs, and may change while it is read.
  expect(filesWith(directory, secrets, ['postgres/data', 'prometheus/data']), 'a secret that others may read').toEqual(
    [],
  )

  // Where nobody had signed up yet there is no series; images are 0 from the beginning.
  const past = `${addressOf('Prometheus')}/api/v1/query_range?${new URLSearchParams({
    query: 'sum(platform_users) or 0 * sum(platform_images)',
    start: String(Math.floor(Date.now() / 3_600_000 - 119 * 24) * 3_600),
    end: String(Math.floor(Date.now() / 3_600_000) * 3_600),
    step: '3600',
  })}`
  const users = await eventually(120_000, async () => {
    const { data } = (await (await fetch(past)).json()) as { data: { result: { values: [number, string][] }[] } }
    const values = data.result[0]?.values ?? []
    return values.length > 119 * 24 - 1 ? values.map(([, number]) => Number(number)) : undefined
  })
  expect(users, 'every hour of the seeded past').toHaveLength(119 * 24 + 1)
  expect(users?.[0]).toBeLessThan(2_000)
  expect(users?.at(-1)).toBeGreaterThan(19_000)

  child.kill('SIGINT')
  expect((await exited)[0]).toBe(0)
  expect(existsSync(directory)).toBe(false)
}, 600_000)

/** Brings a demo up, lets it look at itself, and answers what it said. */
async function checked(flag: string, name: string): Promise<string> {
  const directory = join(testDirectory(name), 'run')
  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'launcher.ts'), flag, '--directory', directory])
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  expect((await once(child, 'exit'))[0], output).toBe(0)
  return output
}

test('every query and variable of every board has an answer on the data of the demo', async () => {
  expect(await checked('--check', 'check')).toMatch(/each of \d{3} queries has an answer/)
}, 600_000)

test.skipIf(findOnPath(['grafana']) === undefined || findChromium() === undefined)(
  'every board is whole in Grafana, wide and narrow, light and dark (skipped where there is no grafana or no chromium)',
  async () => expect(await checked('--check-grafana', 'grafana')).toContain('every board is whole'),
  600_000,
)
