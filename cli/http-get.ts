import { messageOf, UserError } from '../lib/user-error.ts'
import type { ListenAddress } from '../lib/variables.ts'

/** 5 s: a command that waits longer says what does not answer. */
const timeoutMs = 5_000

/**
 * The text at an address; a user and a password in it are sent as basic authentication.
 * @param named the variable or flag that the address comes from, for the error.
 * @throws {UserError} where nothing answers in time, or not with 200.
 */
export async function getText(target: URL, named: string, accept: string): Promise<string> {
  const headers: Record<string, string> = { accept }
  const address = new URL(target)
  if (address.username !== '') {
    const credentials = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`
    headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
    // fetch refuses addresses with credentials in them.
    address.username = ''
    address.password = ''
  }
  try {
    const response = await fetch(address, { headers, signal: AbortSignal.timeout(timeoutMs) })
    if (response.ok) return await response.text()
    throw new UserError(`${named} (${shownAddress(target)}) answered ${response.status}; expected 200`, { exitCode: 1 })
  } catch (error) {
    if (error instanceof UserError) throw error
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    const reason =
      cause instanceof Error && cause.name === 'TimeoutError' ? `no answer in ${timeoutMs / 1_000} s` : messageOf(cause)
    throw new UserError(`${named} (${shownAddress(target)}) cannot be reached: ${reason}`, {
      exitCode: 1,
      cause: error,
    })
  }
}

/** `path` under a base address, which may have a path of its own. */
export function under(address: string, path: string): URL {
  return new URL(path, address.endsWith('/') ? address : `${address}/`)
}

/** The address without credentials and query. */
export const shownAddress = (target: URL): string => `${target.origin}${target.pathname}`

/** Where to ask a service that listens there: one that listens on all addresses is asked on this machine. */
export function addressOf({ host, port }: ListenAddress): string {
  const asked = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${asked.includes(':') ? `[${asked}]` : asked}:${port}`
}
