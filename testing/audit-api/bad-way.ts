import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What stands between the client and the real API, and does to a request what a bad day would. */
export interface BadWay {
  url: string
  /** Every request that came, with the moment it came at. */
  seen: { atMs: number; body: string }[]
  close(): Promise<void>
}

/** Answers itself and returns true, or leaves the request to the API. */
type Fault = (response: ServerResponse, request: { number: number; body: string }) => boolean | Promise<boolean>

/**
 * A proxy before the real API.
 * @param fault what is done with a request before it reaches the API
 * @param loseAnswer whether the answer of the API to this request is lost, with its connection
 */
export async function openBadWay(
  apiUrl: () => string,
  fault: Fault,
  loseAnswer: (number: number) => boolean = () => false,
): Promise<BadWay> {
  const seen: BadWay['seen'] = []
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    seen.push({ atMs: performance.now(), body })
    const number = seen.length
    if (await fault(response, { number, body })) return
    const { authorization = '', 'content-type': type = '' } = request.headers
    const headers = { authorization, 'content-type': type }
    const answer = await fetch(new URL(request.url ?? '', apiUrl()), { method: 'POST', headers, body })
    const text = await answer.text()
    if (loseAnswer(number)) response.destroy()
    else response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text)
  }
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
