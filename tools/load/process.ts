import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'

const main = resolve(import.meta.dirname, '..', '..', 'cli', 'main.ts')

/** A service of ours in a process of its own, whose memory can be read. */
export interface LoadedService {
  url: string
  pid: number
  stop(): Promise<void>
}

/**
 * `barometer exporter` or `barometer audit-api`, ready.
 * @throws with its own last word where it does not become ready
 */
export async function startService(
  command: 'exporter' | 'audit-api',
  options: { directory: string; environment: Readonly<Record<string, string>> },
): Promise<LoadedService> {
  const port = await getPort({ host: '127.0.0.1' })
  const logFile = join(options.directory, `${command}.log`)
  const log = openSync(logFile, 'a')
  const environment = { PATH: process.env.PATH, LOG_LEVEL: 'warn', ...options.environment }
  const child = spawn(process.execPath, [main, command, '--listen', `127.0.0.1:${port}`], {
    ...{ env: environment, stdio: ['ignore', log, log] },
  })
  closeSync(log)
  // Also where this process is stopped by a signal.
  process.once('exit', () => child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt += 1) {
    await sleep(100)
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    if (answer?.status === 200) return { url, pid: child.pid ?? 0, stop: () => stop(child) }
  }
  await stop(child)
  throw new Error(`${command} did not become ready: ${readFileSync(logFile, 'utf8').trim().split('\n').at(-1)}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  child.kill('SIGTERM')
  await ended
}

/** Resident memory in MB. */
export function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1_024
}

/** Seconds of the processor that the process has used. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  // In hundredths of a second on every Linux.
  return (Number(fields[11]) + Number(fields[12])) / 100
}
