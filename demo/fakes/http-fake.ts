import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'

export interface FakeRequest {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: unknown
}

/** What a fake answers: a status and a body that is sent as JSON, or as it is where it is a text or a page. */
export type FakeAnswer = [status: number, body: unknown]

const bodyMaxBytes = 5_000_000

/** 127.0.0.1, but for a container, whose network is its own. */
export const listenHost = process.env.LISTEN_HOST || '127.0.0.1'

/** A server that answers by one function, for a demo on one machine. */
export async function startFake(port: number, answer: (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>) {
  const server = createServer((request, response) => {
    void respond(request, response, answer)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, listenHost, resolve)
  })
  return {
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>,
): Promise<void> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > bodyMaxBytes) return void request.destroy()
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  const body = text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text
  const path = request.url ?? '/'
  const [status, content] = await answer({ method: request.method ?? 'GET', path, headers: request.headers, body })
  const asText = typeof content === 'string'
  const kindOfText = asText && content.startsWith('<!doctype html>') ? 'text/html' : 'text/plain'
  response.writeHead(status, { 'content-type': asText ? kindOfText : 'application/json' })
  response.end(asText ? content : JSON.stringify(content))
}

/** The flags of a process: `--port`, and those named. */
export function readFlags<const Name extends string>(
  ...names: readonly Name[]
): { port: number } & Record<Name, string> {
  const options = Object.fromEntries(['port', ...names].map((name) => [name, { type: 'string' as const }]))
  const { values } = parseArgs({ options })
  for (const name of ['port', ...names]) {
    if (typeof values[name] !== 'string') throw new Error(`--${name} is missing`)
  }
  return { ...values, port: Number(values.port) } as { port: number } & Record<Name, string>
}
