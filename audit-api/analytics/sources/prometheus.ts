import { messageOf } from '../../../lib/user-error.ts'
import { Problem } from '../../http/problem.ts'

/** 5 s: a panel that waits longer is better told. */
const timeoutMs = 5_000

export interface Reading {
  labels: Readonly<Record<string, string>>
  value: number
}

/** Prometheus's HTTP API, as far as it is asked. */
export interface Prometheus {
  /** @throws {Problem} 503 where it is not set, does not answer, or answers something else */
  query(expression: string, time?: Date): Promise<Reading[]>
}

interface Answer {
  status?: unknown
  data?: { result?: unknown }
}

/** @param address with a user and password in it where it asks for them */
export function createPrometheus(address: string | undefined): Prometheus {
  return {
    query: async (expression, time) => {
      if (address === undefined)
        throw new Problem(503, 'PROMETHEUS_URL is not set; expected the Prometheus that scrapes the exporter')
      const target = new URL('api/v1/query', address.endsWith('/') ? address : `${address}/`)
      const headers: Record<string, string> = { accept: 'application/json' }
      if (target.username !== '') {
        const credentials = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`
        headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
        target.username = ''
        target.password = ''
      }
      const body = new URLSearchParams({ query: expression })
      if (time !== undefined) body.set('time', time.toISOString())
      return readingsOf(await ask(target, headers, body))
    },
  }
}

async function ask(target: URL, headers: Record<string, string>, body: URLSearchParams): Promise<Answer> {
  try {
    const response = await fetch(target, { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutMs) })
    if (response.ok) return (await response.json()) as Answer
    throw new Error(`it answered ${response.status}`)
  } catch (error) {
    throw new Problem(503, `Prometheus (PROMETHEUS_URL) cannot be asked: ${messageOf(error)}`, {
      headers: { 'retry-after': '5' },
    })
  }
}

function readingsOf({ status, data }: Answer): Reading[] {
  if (status !== 'success' || !Array.isArray(data?.result))
    throw new Problem(503, 'Prometheus (PROMETHEUS_URL) answered something else; expected a vector')
  return (data.result as { metric: Record<string, string>; value: [number, string] }[]).flatMap(({ metric, value }) => {
    const number = Number(value[1])
    return Number.isFinite(number) ? [{ labels: metric, value: number }] : []
  })
}
