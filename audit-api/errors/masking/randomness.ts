/**
 * Whether text is of random letters in both cases and digits, as tokens are, and no name, path, hash or UUID. In random
 * base62 the kind of character (upper, lower, digit) changes at 62 % of the places, in a name of words such as
 * `retryGenerationWithBackoff2` at 20 to 30 %; of random tokens of 32 characters 1.2 % are missed, of 43 (256 bits) 0.1 %.
 * @param lengthMin of letters and digits; less is not looked at
 */
export function looksRandom(text: string, lengthMin: number): boolean {
  const kinds = lettersAndDigits(text).replace(/[A-Z]/g, 'U').replace(/[a-z]/g, 'l').replace(/\d/g, '0')
  if (kinds.length < lengthMin) return false
  if (!kinds.includes('U') || !kinds.includes('l') || !kinds.includes('0')) return false
  return changes(kinds) >= 0.35 * (kinds.length - 1)
}

/**
 * The same for random lower-case letters and digits beyond hex (base32, base36), which looks like random text only where a
 * key before it says that it is a value. 47 % of the places change there; hashes, trace ids and UUIDs are hex.
 */
export function looksRandomInOneCase(text: string, lengthMin: number): boolean {
  const plain = lettersAndDigits(text)
  if (plain.length < lengthMin || /^[0-9a-f]*$/i.test(plain) || /[A-Z]/.test(plain) === /[a-z]/.test(plain))
    return false
  const kinds = plain.replace(/[A-Za-z]/g, 'l').replace(/\d/g, '0')
  return changes(kinds) >= 0.25 * (kinds.length - 1)
}

function changes(kinds: string): number {
  let count = 0
  for (let index = 1; index < kinds.length; index += 1) if (kinds[index] !== kinds[index - 1]) count += 1
  return count
}

/** An escape in an address (%2F) is no part of what it says. */
function lettersAndDigits(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}|[^A-Za-z0-9]/g, '')
}
