import type { Static, TSchema } from 'typebox'
import type { Validator } from 'typebox/compile'
import { ProbeError } from './probe.ts'

/** A URL without user and password, and the header that carries them instead. */
function withoutCredentials(address: string): { url: string; headers: Record<string, string> } {
  const url = new URL(address)
  if (url.username === '' && url.password === '') return { url: address, headers: {} }
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return { url: url.href, headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } }
}

/** `path` below `base`, whether `base` ends with a slash or not; its query stays. */
export function below(base: string, path: string): string {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`
  return url.href
}

/**
 * One GET. Redirects are not followed: credentials must not travel to where an answer points.
 * The body is still to be read or thrown away.
 */
export async function get(
  address: string,
  options: { signal: AbortSignal; headers?: Readonly<Record<string, string>> },
): Promise<Response> {
  const { url, headers } = withoutCredentials(address)
  return fetch(url, { headers: { ...headers, ...options.headers }, redirect: 'manual', signal: options.signal })
}

/** Ends an answer whose body is of no interest. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {
    // The connection is gone already; there is nothing left to read.
  })
}

export async function expectOk(response: Response, what: string): Promise<void> {
  if (response.status === 200) return
  await discard(response)
  throw new ProbeError(`${what} answered with status ${response.status}; expected 200`)
}

/**
 * Passes the body on in pieces, and stops at more than `bytesMax`. Counted after decompression, so that a small
 * answer which unpacks to a large one is stopped too.
 */
export async function* bounded(response: Response, what: string, bytesMax: number): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  let bytes = 0
  // Leaving the loop, by an error too, cancels the body.
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new ProbeError(`${what} answered with more than ${bytesMax} bytes`)
    yield chunk
  }
}

/**
 * Reads a JSON answer of status 200 and validates it.
 * @throws {ProbeError} that tells what is wrong by the place in the answer, never by its content.
 */
export async function readJson<Schema extends TSchema>(
  response: Response,
  what: string,
  validator: Validator<Record<never, never>, Schema>,
  bytesMax: number,
): Promise<Static<Schema>> {
  await expectOk(response, what)
  const chunks: Uint8Array[] = []
  for await (const chunk of bounded(response, what, bytesMax)) chunks.push(chunk)
  let answer: unknown
  try {
    answer = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    // The parser's message quotes the text, which may hold prompts or keys.
    throw new ProbeError(`${what} answered with what is not JSON`)
  }
  return validated(answer, what, validator)
}

export function validated<Schema extends TSchema>(
  answer: unknown,
  what: string,
  validator: Validator<Record<never, never>, Schema>,
): Static<Schema> {
  if (validator.Check(answer)) return answer as Static<Schema>
  const [first] = validator.Errors(answer)
  const place = first?.instancePath ? first.instancePath : 'its top'
  throw new ProbeError(`${what} answered with another shape than expected: ${place} ${first?.message ?? 'is wrong'}`)
}
