import { maskAddresses } from './addresses.ts'
import { maskAssignments } from './assignments.ts'
import { maskCards } from './cards.ts'
import { masks } from './masks.ts'
import { looksRandom } from './randomness.ts'

/**
 * The text without what looks like a secret: credentials in addresses and headers, tokens by their form, values of keys
 * such as `password`, long random text, e-mail addresses, card numbers. Identifiers stay: UUIDs, hashes in hex, numbers
 * of orders, names in stack traces. Masking twice is masking once.
 *
 * Takes time linear in the text, 0.3 ms for a stack of 1.5 kB: every quantifier that another could undo has a bound.
 */
export function maskSecrets(text: string): string {
  let masked = text
  // What was taken out may have kept its neighbour from being seen, as a card number that sticks to a key.
  for (let round = 0; round < roundsMax; round += 1) {
    const before = masked
    masked = steps.reduce((found, step) => step(found), before)
    if (masked === before) break
  }
  return masked
}

const roundsMax = 4

type Step = (text: string) => string

const replacing =
  (pattern: RegExp, replace: (match: string, ...groups: (string | undefined)[]) => string): Step =>
  (text) =>
    text.replace(pattern, replace)

/** Tokens that say by their beginning what they are: Stripe, GitHub, GitLab, Slack, Google, OpenAI, SendGrid, npm, Hugging Face, RunPod, our own. */
const tokensByPrefix =
  /(?<![A-Za-z0-9_])(?:(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{16,250}|gh[a-z]_[A-Za-z0-9]{20,250}|github_pat_\w{20,250}|glpat-[\w-]{16,250}|(?:xox[a-z]|xapp)-[\w-]{10,250}|AIza[\w-]{30,50}|ya29\.[\w-]{20,500}|sk-(?=[a-z-]{0,20}\w{0,40}\d)[\w-]{20,250}|SG\.[\w-]{16,50}\.[\w-]{16,80}|npm_[A-Za-z0-9]{30,50}|hf_[A-Za-z0-9]{20,80}|rpa_[A-Za-z0-9]{20,80}|bar_[\w-]{40,60})/g

const steps: readonly Step[] = [
  // A private key, whole or cut off.
  replacing(
    /-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
    () => masks.secret,
  ),
  // scheme://user:password@host. A password may hold a colon or an @, so it ends at the last @ before a slash or a space;
  // behind a port there is none.
  replacing(
    /(:\/\/[^\s/:"'`]{0,256}):(?!\d{1,5}[?#])[^\s/"'`]{1,1024}@/g,
    (_match, before) => `${before}:${masks.secret}@`,
  ),
  // scheme://token@host; a plain name such as git@ is left.
  replacing(/:\/\/([^\s/:@"'`]{16,512})@/g, (match, user) =>
    looksRandom(user ?? '', 16) ? `://${masks.token}@` : match,
  ),
  // In a header whatever follows the scheme is the credential.
  replacing(
    /(authorization\\{0,4}["']?\s{0,4}[:=]\s{0,4}\\{0,4}["']?(?:bearer|basic|digest|token|apikey|negotiate)\s{1,4})[^\s"'`,;[\\]{1,4096}/gi,
    (_match, before) => `${before}${masks.token}`,
  ),
  // All of a cookie header: which of its parts is the session is not to be known.
  replacing(
    /(\b(?:set-)?cookie\\{0,4}["']?\s{0,4}[:=]\s{0,4}\\{0,4}["']?)[^\s"'`=;[\\]{1,200}=[^\n"'`\\]{1,8192}/gi,
    (_match, before) => `${before}${masks.secret}`,
  ),
  // Where Slack's and Discord's web hooks take messages from anybody who knows the path.
  replacing(
    /(hooks\.slack\.com\/(?:services|workflows)\/|discord(?:app)?\.com\/api\/webhooks\/)[\w/-]{10,250}/gi,
    (_match, before) => `${before}${masks.token}`,
  ),
  replacing(tokensByPrefix, () => masks.token),
  // A JWT or JWE, also one whose end, or all but its head, was cut off.
  replacing(
    /(?<![A-Za-z0-9_])ey[JA](?:[\w-]{4,8192}\.[\w-]{4,8192}(?:\.[\w-]{0,8192}){0,3}|[\w-]{30,8192})/g,
    () => masks.token,
  ),
  // AWS: the id of a key, and the secret of one, which is 40 characters of base64.
  replacing(
    /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AIPA|ANPA|ANVA|APKA|AROA)[A-Z0-9]{16}(?![A-Za-z0-9])/g,
    () => masks.token,
  ),
  replacing(/(?<![\w/+=.-])[A-Za-z0-9/+]{40}(?![\w/+=.-])/g, (match) => (looksRandom(match, 36) ? masks.token : match)),
  maskAssignments,
  replacing(/\b(bearer|basic)(\s{1,4})([\w.~+/-]{6,4096}={0,2})(?![\w=])/gi, (match, scheme, space, credential = '') =>
    credential.length >= 20 || /\d|[a-z][A-Z]/.test(credential) ? `${scheme}${space}${masks.token}` : match,
  ),
  replacing(/\b(token|apikey)(\s{1,4}["'`]?)([\w.~+/=-]{16,4096})/gi, (match, word, between, credential = '') =>
    /\d/.test(credential) ? `${word}${between}${masks.token}` : match,
  ),
  // 32, of which some may be hyphens: longer than a UUID's digits or the ids in use (ULID, KSUID, nanoid), shorter than a token of 192 bits.
  replacing(/(?<![\w.+-])[\w-]{32,4096}(?![\w+-])/g, (match) => (looksRandom(match, 28) ? masks.token : match)),
  maskAddresses,
  maskCards,
]
