import type { TSchema } from 'typebox'
import { Errors } from 'typebox/value'
import { type FakeAnswer, type FakeRequest, startFake } from './http-fake.ts'
import { type ReceivedRequest, receiverPage } from './receiver-page.ts'

const requestsMax = 1_000

export interface ReceiverOptions {
  name: string
  port: number
  /** What the real one takes. */
  schema: TSchema
  accept: (request: FakeRequest) => FakeAnswer
  /** As the real one does with what it does not take. */
  refuse: (problems: readonly string[]) => FakeAnswer
  /** One line about a request, printed as it comes and shown on the page. */
  line: (body: unknown) => string
}

/**
 * A receiver that refuses what the real one would refuse, keeps what it was sent with the time, lists it at `/requests`
 * and shows it at `/`.
 */
export async function startReceiver(options: ReceiverOptions): Promise<{ stop(): Promise<void> }> {
  const requests: ReceivedRequest[] = []
  const fake = await startFake(options.port, (request) => {
    if (request.path === '/' && request.method === 'GET') return [200, receiverPage(options, requests)]
    if (request.path === '/requests' && request.method === 'GET') return [200, requests]
    if (request.path === '/requests' && request.method === 'DELETE') {
      requests.length = 0
      return [200, []]
    }
    const problems = problemsOf(options.schema, request.body)
    requests.push({ receivedAt: new Date().toISOString(), body: request.body, problems })
    if (requests.length > requestsMax) requests.shift()
    const wrong = problems.length === 0 ? '' : ` REFUSED: ${problems.join('; ')}`
    console.log(`${new Date().toISOString()} ${options.line(request.body)}${wrong}`)
    return problems.length === 0 ? options.accept(request) : options.refuse(problems)
  })
  console.log(`fake ${options.name} on ${options.port}`)
  return fake
}

function problemsOf(schema: TSchema, body: unknown): string[] {
  return Errors(schema, body).map(({ instancePath, message }) => `${instancePath || 'the body'} ${message}`)
}
