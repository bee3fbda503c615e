import { type Settings, type VariableName, variables } from './settings.ts'
import type { Variable } from './variables.ts'

/**
 * Everything in the settings that no message may show. Each kind of variable says what that is, so that a new setting is
 * hidden without an entry here.
 */
export function secretsOf(settings: Settings): string[] {
  const parts = (Object.keys(variables) as VariableName[]).flatMap((name) => {
    const variable: Variable<unknown> = variables[name]
    return settings[name] === undefined ? [] : variable.hidden(settings[name])
  })
  // The longest first, so that no part of a secret is left when a shorter one stands in it.
  return [...new Set(parts)].sort((one, other) => other.length - one.length)
}

/** Replaces every secret of the settings in a text by `(hidden)`. */
export function hideSecrets(settings: Settings): (text: string) => string {
  const secrets = secretsOf(settings)
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '(hidden)'), text)
}
