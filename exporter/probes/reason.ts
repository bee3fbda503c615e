import type { Settings } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { ProbeError } from './probe.ts'

const reasonCharactersMax = 200

/** One short line on why something failed, in which no secret stands. */
export type Explain = (error: unknown) => string

/** An explainer that hides every secret of the settings, in whatever message it turns up. */
export function createExplain(settings: Settings): Explain {
  const secrets = secretsOf(settings)
  return (error) => {
    let text = plainReason(error)
    for (const secret of secrets) text = text.replaceAll(secret, '(hidden)')
    text = [...text].map((character) => (character < ' ' || character === '\u007f' ? ' ' : character)).join('')
    return text.length > reasonCharactersMax ? `${text.slice(0, reasonCharactersMax)}…` : text
  }
}

function plainReason(error: unknown): string {
  if (error instanceof ProbeError) return error.message
  // fetch says only "fetch failed"; what happened is its cause.
  if (error instanceof TypeError && error.cause !== undefined) return messageOf(error.cause)
  return messageOf(error)
}

function secretsOf(settings: Settings): string[] {
  const urls = [
    settings.DATABASE_URL,
    settings.REDIS_URL,
    settings.S3_ENDPOINT,
    settings.RUNPOD_API_URL,
    settings.RUNPOD_SERVERLESS_URL,
    ...(settings.API_PROBE_URLS ?? []).map((named) => named.value),
    ...(settings.COMFYUI_URLS ?? []).map((named) => named.value),
  ].filter((url) => url !== undefined)
  const parts = urls.flatMap((url) => {
    const { password, search } = new URL(url)
    return [password, decoded(password), search]
  })
  const keys = [settings.S3_ACCESS_KEY_ID, settings.S3_SECRET_ACCESS_KEY, settings.RUNPOD_API_KEY]
  const all = [...urls, ...parts, ...keys].filter((secret) => secret !== undefined && secret !== '') as string[]
  // The longest first, so that no part of a secret is left when a shorter one stands in it.
  return [...new Set(all)].sort((one, other) => other.length - one.length)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
