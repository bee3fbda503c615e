import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import getPort from 'get-port'
import { expect, onTestFinished, test } from 'vitest'
import { snapshotTimestampSeconds } from '../catalogue/exporter.ts'
import { sampleEvent } from '../testing/audit-api/testbed.ts'
import { barometer } from '../testing/cli.ts'
import { testDirectory } from '../testing/directory.ts'
import { createPlatformDatabase } from '../testing/platform.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
/** Four times in the second in which a service says that it is stopping. */
const followMs = 250

class Replica {
  readonly url: string
  private readonly words: readonly string[]
  private readonly environment: Record<string, string>
  private child: ChildProcess | undefined

  constructor(command: string, port: number, environment: Record<string, string>) {
    this.url = `http://127.0.0.1:${port}`
    this.words = [main, command, '--listen', `127.0.0.1:${port}`]
    this.environment = { PATH: process.env.PATH ?? '', LOG_LEVEL: 'error', ...environment }
  }

  async isReady(): Promise<boolean> {
    return await fetch(`${this.url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    )
  }

  async start(): Promise<void> {
    this.child = spawn(process.execPath, this.words, { env: this.environment, stdio: 'ignore' })
    await expect.poll(() => this.isReady(), { timeout: 60_000 }).toBe(true)
  }

  /** Asks it to stop, and answers its exit code and how long it took. */
  async stop(): Promise<{ exitCode: unknown; seconds: number }> {
    const { child } = this
    if (child === undefined || child.exitCode !== null) return { exitCode: child?.exitCode, seconds: 0 }
    const began = performance.now()
    const closed = once(child, 'exit')
    child.kill('SIGTERM')
    const [exitCode] = await closed
    return { exitCode, seconds: (performance.now() - began) / 1_000 }
  }
}

/** A client that asks only who was ready when it last looked, one after the other. */
function follow(replicas: readonly Replica[]): { next(): string | undefined; stop(): Promise<void> } {
  let ready: string[] = []
  let turn = 0
  let isOver = false
  const watch = async (): Promise<void> => {
    while (!isOver) {
      const found = await Promise.all(replicas.map(async (one) => ((await one.isReady()) ? [one.url] : [])))
      ready = found.flat()
      await sleep(followMs)
    }
  }
  const watching = watch()
  return {
    next: () => ready[turn++ % Math.max(ready.length, 1)],
    stop: async () => {
      isOver = true
      await watching
    },
  }
}

/** Calls `work` again and again until it is stopped, and then answers how often. */
function load(work: () => Promise<void>): { stop(): Promise<number> } {
  let count = 0
  let isOver = false
  const run = async (): Promise<void> => {
    while (!isOver) {
      await work()
      count += 1
      await sleep(50)
    }
  }
  const running = run()
  return {
    stop: async () => {
      isOver = true
      await running
      return count
    },
  }
}

// Each service starts twice, which takes its time where others work on the same cores.
test('two exporters and two audit APIs restarted one after the other: no scrape fails, no event is lost or doubled', {
  timeout: 180_000,
}, async () => {
  const platform = await createPlatformDatabase()
  onTestFinished(() => platform.drop())
  await platform.pool.query(`INSERT INTO platform.users (created_at, country, signup_source, visitor_id, kind)
    SELECT now() - interval '60 days', 'DE', 'direct', 'v' || n, 'customer' FROM generate_series(1, 10) AS n`)
  const tokensFile = join(testDirectory('tokens'), 'tokens.json')
  const added = await barometer(['audit', 'tokens', 'add', '--name', 'load', '--scope', 'ingest'], {
    AUDIT_TOKENS_FILE: tokensFile,
  })
  const port = () => getPort({ host: '127.0.0.1' })
  const ofExporter = { DATABASE_URL: platform.exporterUrl, REFRESH_INTERVAL: '1s' }
  const ofAudit = { AUDIT_DATABASE_URL: platform.auditUrl, AUDIT_TOKENS_FILE: tokensFile }
  const exporters = [await port(), await port()].map((free) => new Replica('exporter', free, ofExporter))
  const audits = [await port(), await port()].map((free) => new Replica('audit-api', free, ofAudit))
  const all = [...exporters, ...audits]
  onTestFinished(async () => void (await Promise.all(all.map((one) => one.stop()))))
  await Promise.all(all.map((one) => one.start()))

  const failures: string[] = []
  const snapshots = new Set<string>()
  const toScrape = follow(exporters)
  const toIngest = follow(audits)
  onTestFinished(async () => void (await Promise.all([toScrape.stop(), toIngest.stop()])))
  await expect.poll(() => [toScrape.next(), toIngest.next()]).not.toContain(undefined)
  const scrapes = load(async () => {
    try {
      const text = await (await fetch(`${toScrape.next()}/metrics`)).text()
      const asOf = new RegExp(`^${snapshotTimestampSeconds.name} (.*)$`, 'm').exec(text)?.[1]
      if (asOf === undefined || !/^platform_users\{.*\} 10$/m.test(text)) failures.push(`a gap: ${text.slice(0, 200)}`)
      else snapshots.add(asOf)
    } catch (error) {
      failures.push(`scrape: ${error}`)
    }
  })
  const ids: string[] = []
  const ingests = load(async () => {
    const events = Array.from({ length: 5 }, () => ({ ...sampleEvent(), id: randomUUID() }))
    try {
      const answer = await fetch(`${toIngest.next()}/v1/audit/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${added.stdout.trim()}`, 'content-type': 'application/json' },
        body: JSON.stringify(events),
      })
      if (answer.status === 201) ids.push(...events.map(({ id }) => id))
      else failures.push(`ingest: ${answer.status} ${await answer.text()}`)
    } catch (error) {
      failures.push(`ingest: ${error}`)
    }
  })
  const restart = async (one: Replica): Promise<void> => {
    const { exitCode, seconds } = await one.stop()
    expect(exitCode).toBe(0)
    // The second in which it says so, and the 15 after which it gives up with exit code 1.
    expect(seconds).toBeLessThan(20)
    await one.start()
  }
  for (const [place, exporter] of exporters.entries()) {
    // One of each at a time: they have nothing in common.
    await Promise.all([exporter, audits[place] ?? exporter].map(restart))
    // Whoever leads now writes on.
    const known = snapshots.size
    await expect.poll(() => snapshots.size, { timeout: 60_000 }).toBeGreaterThan(known)
  }
  const [scraped] = [await scrapes.stop(), await ingests.stop()]
  expect(failures).toEqual([])
  expect(scraped).toBeGreaterThan(20)
  expect(ids.length).toBeGreaterThan(50)
  const { rows } = await platform.pool.query<{ id: string }>(
    // Not the events of the log itself, such as the verification of the night.
    "SELECT id FROM barometer_audit.event WHERE action = 'user.suspend'",
  )
  expect(rows.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
})
