import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import getPort from 'get-port'
import { UserError } from '../../../lib/user-error.ts'
import type { Load, LoadResult } from './load.ts'

const launcher = resolve(import.meta.dirname, '..', '..', '..', 'bin', 'barometer.js')

/** A program that serves a page. */
export interface Program {
  page: string
  stop(): Promise<void>
}

/**
 * `barometer exporter` as anybody starts it, ready to be scraped.
 * @throws {UserError} where it does not become ready, with its own last word
 */
export async function startExporterProgram(options: { databaseUrl: string; directory: string }): Promise<Program> {
  const listen = `127.0.0.1:${await getPort({ host: '127.0.0.1' })}`
  const logFile = join(options.directory, 'exporter.log')
  const log = openSync(logFile, 'a')
  const environment = { PATH: process.env.PATH, DATABASE_URL: options.databaseUrl, EXPORTER_LISTEN: listen }
  const child = spawn(process.execPath, [launcher, 'exporter'], { env: environment, stdio: ['ignore', log, log] })
  closeSync(log)
  const stop = stopperOf(child)
  for (let attempt = 0; attempt < 300 && child.exitCode === null; attempt++) {
    await sleep(100)
    const answer = await fetch(`http://${listen}/readyz`).catch(() => undefined)
    if (answer?.status === 200) return { page: `http://${listen}/metrics`, stop }
  }
  await stop()
  const said = readFileSync(logFile, 'utf8').trim().split('\n').at(-1)
  throw new UserError(`the exporter did not become ready: ${said}`, { exitCode: 1 })
}

/** The bare server beside an exporter; see `floor.ts`. */
export async function startFloor(exporterPage: string): Promise<Program> {
  const script = join(import.meta.dirname, 'floor.ts')
  const child = spawn(process.execPath, [script, exporterPage], { stdio: ['ignore', 'pipe', 'inherit'] })
  const page = await new Promise<string>((done, fail) => {
    child.stdout.once('data', (line: Buffer) => done(line.toString().trim()))
    child.once('exit', () => fail(new Error('the bare server did not start')))
  })
  return { page, stop: stopperOf(child) }
}

function stopperOf(child: ChildProcess): () => Promise<void> {
  const ended = new Promise<void>((done) => child.once('exit', () => done()).once('error', () => done()))
  return async () => {
    child.kill('SIGTERM')
    await ended
  }
}

/** Has the scrapers ask; see `scrapers.ts`. */
export async function scrape(load: Load): Promise<LoadResult> {
  const script = join(import.meta.dirname, 'scrapers.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(load)], {
    maxBuffer: 1_073_741_824,
  })
  return JSON.parse(stdout)
}
