import { randomUUID } from 'node:crypto'

export interface ErrorReporter {
  /** Notes an error to be sent; never throws and never waits. */
  report(error: unknown, about?: { route?: string | undefined; status?: number }): void
}

/** What is kept while the audit API does not answer; older ones go first, since errors come in floods. */
const waitingMax = 1_000
const intervalMs = 1_000
const timeoutMs = 3_000
/** The sizes that the API takes. */
const messageMax = 4_000
const stackMax = 20_000

interface Report {
  id: string
  occurred_at: string
  service: string
  type: string
  message: string
  route?: string
  status?: number
  stack?: string
}

/**
 * Sends a service's errors to the error log of the audit API, once a second. Environment: AUDIT_API_URL, AUDIT_API_TOKEN;
 * without them errors go nowhere. Each error has an id, so that what is sent twice is stored once.
 */
export function createErrorReporter(service: string): ErrorReporter {
  const { AUDIT_API_URL = '', AUDIT_API_TOKEN = '' } = process.env
  if (AUDIT_API_URL === '') return { report: () => {} }
  let waiting: Report[] = []
  let sending = false
  const send = async () => {
    if (sending || waiting.length === 0) return
    sending = true
    const batch = waiting
    waiting = []
    const done = await post(`${AUDIT_API_URL}/v1/errors`, AUDIT_API_TOKEN, batch)
    if (!done) waiting = [...batch, ...waiting].slice(-waitingMax)
    sending = false
  }
  setInterval(send, intervalMs).unref()
  return {
    report: (error, { route, status } = {}) => {
      const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
      // The driver calls all its errors "error"; their class says more.
      const type = name === 'error' ? 'DatabaseError' : name
      waiting.push({
        id: randomUUID(),
        occurred_at: new Date().toISOString(),
        service,
        type: type.replace(/[^\w$.:/-]/g, '_').slice(0, 100) || 'Error',
        message: message.slice(0, messageMax).toWellFormed() || 'no message',
        ...(route === undefined ? {} : { route }),
        ...(status === undefined ? {} : { status }),
        ...(stack === undefined ? {} : { stack: stack.slice(0, stackMax).toWellFormed() }),
      })
      waiting = waiting.slice(-waitingMax)
    },
  }
}

/** Whether there is nothing more to do: stored, or refused for ever. */
async function post(url: string, token: string, batch: readonly Report[]): Promise<boolean> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(batch),
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (answer.status === 400) console.log(`the error log refuses: ${await answer.text()}`)
    else await answer.body?.cancel()
    return answer.ok || answer.status === 400
  } catch {
    return false
  }
}
