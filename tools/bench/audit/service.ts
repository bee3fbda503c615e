import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { addToken } from '../../../audit-api/tokens/tokens.ts'

const command = resolve(import.meta.dirname, '..', '..', '..', 'bin', 'barometer.js')

export interface Answer {
  status: number
  body: Buffer
  firstByteMs: number
  totalMs: number
}

/** The audit API as it is run, in a process of its own. */
export class Service {
  readonly address: URL
  private readonly child: ChildProcess
  private readonly token: string
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: 16 })

  private constructor(child: ChildProcess, address: URL, token: string) {
    this.child = child
    this.address = address
    this.token = token
  }

  /** @param databaseUrl of a role that may become the service's */
  static async start(databaseUrl: string, directory: string): Promise<Service> {
    const port = await getPort({ host: '127.0.0.1' })
    const tokensFile = join(directory, `tokens-${port}.json`)
    const { token } = addToken(tokensFile, {
      name: 'bench',
      scopes: ['ingest', 'read', 'export'],
      requestsPerMinute: 100_000_000,
    })
    const asService = new URL(databaseUrl)
    asService.searchParams.set('options', '-c role=barometer_audit')
    const child = spawn(process.execPath, [command, 'audit-api', '--listen', `127.0.0.1:${port}`], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        PATH: process.env.PATH,
        LOG_LEVEL: 'warn',
        AUDIT_DATABASE_URL: asService.href,
        AUDIT_TOKENS_FILE: tokensFile,
      },
    })
    const service = new Service(child, new URL(`http://127.0.0.1:${port}`), token)
    for (let attempt = 0; attempt < 200; attempt++) {
      await sleep(50)
      if (child.exitCode !== null) break
      const isReady = await service
        .ask('GET', '/readyz')
        .then(({ status }) => status === 200)
        .catch(() => false)
      if (isReady) return service
    }
    child.kill('SIGTERM')
    throw new Error('the audit API did not become ready in 10 s')
  }

  /** One request; the answer is read to its end, and kept where `onChunk` does not take it. */
  async ask(method: 'GET' | 'POST', path: string, body?: Buffer, onChunk?: (chunk: Buffer) => void): Promise<Answer> {
    const started = performance.now()
    return await new Promise<Answer>((done, failed) => {
      const headers = {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
      }
      const request = http.request(new URL(path, this.address), { method, headers, agent: this.agent }, (answer) => {
        const chunks: Buffer[] = []
        let firstByteMs: number | undefined
        answer.on('data', (chunk: Buffer) => {
          firstByteMs ??= performance.now() - started
          if (onChunk === undefined) chunks.push(chunk)
          else onChunk(chunk)
        })
        answer.on('error', failed)
        answer.on('end', () => {
          const totalMs = performance.now() - started
          const trailed = answer.trailers['x-row-count']
          const content = trailed === undefined ? Buffer.concat(chunks) : Buffer.from(trailed)
          done({ status: answer.statusCode ?? 0, body: content, firstByteMs: firstByteMs ?? totalMs, totalMs })
        })
      })
      request.on('error', failed)
      request.end(body)
    })
  }

  /** The most memory that was resident since the start, of the process that serves; undefined where /proc is not. */
  peakRssMb(): number | undefined {
    try {
      // The command starts the pinned Node, which is the one that serves.
      const children = readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8').trim()
      const [kilobytes] = /(?<=VmHWM:\s*)\d+/.exec(readFileSync(`/proc/${children.split(' ')[0]}/status`, 'utf8')) ?? []
      return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024
    } catch {
      return undefined
    }
  }

  async stop(): Promise<void> {
    this.agent.destroy()
    if (this.child.exitCode !== null) return
    const ended = new Promise<void>((done) => this.child.once('exit', () => done()))
    this.child.kill('SIGTERM')
    await ended
  }
}
