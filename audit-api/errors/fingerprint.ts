import { createHash } from 'node:crypto'

/**
 * What errors of one fault have in common, as 16 digits of hex: service, type, and the message with what differs from one
 * time to the next taken out. Of a message that was masked before, so that no fingerprint depends on a secret.
 */
export function fingerprintOf(error: { service: string; type: string; message: string }): string {
  // 64 bits: among a million faults two share one with a chance of 1 in 37 million.
  const text = JSON.stringify([error.service, error.type, withoutParticulars(error.message)])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** The message with quoted parts, identifiers and numbers taken out, and white space made one. */
export function withoutParticulars(message: string): string {
  return rules.reduce((text, [pattern, placeholder]) => text.replace(pattern, placeholder), message).trim()
}

const rules: readonly (readonly [RegExp, string])[] = [
  // A quotation mark opens where no letter is before it and closes where none is behind: the one in can't does neither.
  [
    /(?<![\p{L}\p{N}])(["'`])(?:(?!\1)[^\\\n]|\\.|(?<=[\p{L}\p{N}])\1(?=[\p{L}\p{N}])){0,2000}\1(?![\p{L}\p{N}])/gu,
    '<text>',
  ],
  [/[“„«‘][^”“»’\n]{0,2000}[”“»’]/gu, '<text>'],
  [/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi, '<id>'],
  [/(?<!\w)0x[0-9a-f]+/gi, '<id>'],
  // Eight and more characters with digits among them: hashes, ULIDs, order numbers; shorter ones keep their letters.
  [/(?<![\p{L}\p{N}_])(?=[\p{L}_-]{0,64}\d)[\p{L}\p{N}_-]{8,256}(?![\p{L}\p{N}_])/gu, '<id>'],
  [/\d+(?:[.,:]\d+)*/g, '<n>'],
  [/\s+/g, ' '],
]
