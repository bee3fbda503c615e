import { type FakeAnswer, type FakeRequest, startFake } from './http-fake.ts'

const requestsMax = 1_000

/** A receiver that keeps what it was sent, with the time, and lists it at `/requests`. */
export async function startReceiver(options: {
  name: string
  port: number
  accept: (request: FakeRequest) => FakeAnswer
  /** One line about a request, printed as it comes. */
  line: (body: unknown) => string
}): Promise<void> {
  const requests: { receivedAt: string; body: unknown }[] = []
  await startFake(options.port, (request) => {
    if (request.path === '/requests' && request.method === 'GET') return [200, requests]
    if (request.path === '/requests' && request.method === 'DELETE') {
      requests.length = 0
      return [200, []]
    }
    requests.push({ receivedAt: new Date().toISOString(), body: request.body })
    if (requests.length > requestsMax) requests.shift()
    console.log(`${new Date().toISOString()} ${options.line(request.body)}`)
    return options.accept(request)
  })
  console.log(`fake ${options.name} on ${options.port}`)
}
