import { hideSecrets } from '../../lib/hide-secrets.ts'
import type { Settings } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { ProbeError } from './probe.ts'

const reasonCharactersMax = 200

/** One short line on why something failed, in which no secret stands. */
export type Explain = (error: unknown) => string

/** An explainer that hides every secret of the settings, in whatever message it turns up. */
export function createExplain(settings: Settings): Explain {
  const hide = hideSecrets(settings)
  return (error) => {
    const text = [...hide(plainReason(error))]
      .map((character) => (character < ' ' || character === '\u007f' ? ' ' : character))
      .join('')
    return text.length > reasonCharactersMax ? `${text.slice(0, reasonCharactersMax)}…` : text
  }
}

function plainReason(error: unknown): string {
  if (error instanceof ProbeError) return error.message
  // fetch says only "fetch failed"; what happened is its cause.
  if (error instanceof TypeError && error.cause !== undefined) return messageOf(error.cause)
  return messageOf(error)
}
