import { masks } from './masks.ts'
import { looksRandom, looksRandomInOneCase } from './randomness.ts'

/** A key and what stands between it and its value, also where JSON is quoted in JSON and = is written as %3D. */
const assignment = /(?<![A-Za-z_.-])([A-Za-z_][\w.-]{0,200})\\{0,4}["'`]?\s{0,8}(?:=>|={1,3}|:|%3[Dd])\s{0,8}/g
const quoteMark = /(\\{0,4})(["'`])/y
const unquoted = /[^\s"'`,;&()<>{}|\\]+/y
/** What a value is judged by: text of many keys and no end must not be read to its end for each. */
const judgedMax = 1_024

/**
 * Takes the values of keys out: `password=…`, `"apiKey": "…"`, `?token=…`, and long random text behind any key but those
 * of identifiers.
 */
export function maskAssignments(text: string): string {
  let masked = ''
  let copied = 0
  for (const found of text.matchAll(assignment)) {
    const start = found.index + found[0].length
    // A value with a colon in it is no key.
    if (found.index < copied) continue
    const value = readValue(text, start)
    if (value === undefined || text.startsWith('[masked ', value.start)) continue
    const mask = maskFor(wordsOf(found[1] ?? ''), value)
    if (mask === undefined) continue
    masked += text.slice(copied, value.start) + mask
    copied = value.end()
  }
  return masked + text.slice(copied)
}

interface Value {
  text: string
  start: number
  /** Where it ends; asked for only where it is taken out. */
  end(): number
  quoted: boolean
}

/** Where the value begins, as much of it as it is judged by, and where it ends. */
function readValue(text: string, from: number): Value | undefined {
  quoteMark.lastIndex = from
  const opening = quoteMark.exec(text)
  const start = from + (opening?.[0].length ?? 0)
  const end = opening === null ? endOfWord : endOfQuoted
  const judged = text.slice(start, start + judgedMax)
  const found = { text: judged.slice(0, end(judged, 0, opening)), start, quoted: opening !== null }
  return found.text === '' ? undefined : { ...found, end: () => end(text, start, opening) }
}

function endOfWord(text: string, start: number): number {
  unquoted.lastIndex = start
  return unquoted.test(text) ? unquoted.lastIndex : start
}

/** The quotation mark that closes it, or the end where none does. */
function endOfQuoted(text: string, start: number, opening: RegExpExecArray | null): number {
  const [whole = '', backslashes = '', mark = ''] = opening ?? []
  let end = start
  while (end < text.length && !(backslashes === '' ? text[end] === mark : text.startsWith(whole, end))) {
    // In a plain string a backslash takes the next character with it.
    end += backslashes === '' && text[end] === '\\' ? 2 : 1
  }
  return Math.min(end, text.length)
}

/** `AWS_SECRET_ACCESS_KEY`, `accessToken` and `x-api-key` as words in small letters. */
function wordsOf(key: string): string[] {
  return key
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[._-]+/)
    .filter((word) => word !== '')
}

/** Behind these everything is a secret that is not a word about it. */
const passwords = words(
  'password passwd passphrase passcode pwd secret secrets credential credentials otp pin cvc cvv cvv2',
)
/** Behind these a value is a secret where it is more than a word or a short number. */
const tokens = words(
  'token jwt apikey session sessionid sessid sid signature sig cookie csrf xsrf nonce auth authorization bearer pass',
)
/** What makes a key one that opens something. */
const kindsOfKey = words(
  'api access private secret auth account encryption signing license client service master shared admin deploy ssh',
)
/** What a key speaks of the secret, and does not hold it. */
const aboutSecrets = words(
  'length count min max policy type field name expires expired expiry exp at in ttl age status state error required strength',
)
/** The name of a file, as in a stack: reset-password.ts:14:3. */
const fileEndings = words(
  'ts tsx js jsx mjs cjs mts cts json sql py rb go java kt php rs cs vue svelte yml yaml html css md',
)
/** Behind these random text is an identifier. */
const identifiers = words(
  'id ids uuid guid trace span request sha sha1 sha256 md5 hash digest etag integrity commit revision version checksum fingerprint order number ref reference file path url uri',
)

function maskFor(key: readonly string[], value: Value): string | undefined {
  const last = key.at(-1) ?? ''
  const before = key.at(-2) ?? ''
  if (fileEndings.has(last)) return undefined
  if (aboutSecrets.has(last) && value.text.length < 20) return undefined
  if (passwords.has(last) || key.some((word) => word === 'password' || word === 'secret')) {
    return isProse(value.text) ? undefined : masks.secret
  }
  const opens =
    tokens.has(last) || (last === 'key' && kindsOfKey.has(before)) || (last === 'id' && before === 'session')
  if (opens) return isMoreThanAWord(value) ? masks.secret : undefined
  if (identifiers.has(last)) return undefined
  return looksRandom(value.text, 20) || looksRandomInOneCase(value.text, 32) ? masks.token : undefined
}

/** What follows a key where it is spoken of: it is not there, or not right. */
const prose =
  /^(?:null|undefined|none|nil|empty|true|false|yes|no|nan|must|may|is|was|are|were|has|have|had|can|cannot|could|should|would|will|does|did|do|not|expected|required|invalid|missing|expired|revoked|malformed|unknown|unset|wrong|incorrect|mismatch|mismatched|too|at|of|for|in|on|to|the|a|an|and|or|with|from|by|string|number|object|boolean|failed|error|denied|redacted|hidden|x{2,}|\*+|\.{2,}|…)$/i

function isProse(text: string): boolean {
  const plain = text.replace(/[.:!?]+$/, '')
  return plain === '' || prose.test(plain)
}

function isMoreThanAWord({ text, quoted }: Value): boolean {
  if (isProse(text) || text.includes('[masked ') || /^\d{1,5}$/.test(text)) return false
  const plain = text.replace(/[.:!?]+$/, '')
  if (/^[A-Za-z_ -]+$/.test(plain)) return plain.length >= (quoted ? 24 : 20) && !plain.includes(' ')
  return plain.length >= 6
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(' '))
}
