/** `ImageGenerations`, `image_generations` and `image-generations` are the words image, generation. */
export function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .map(singular)
}

function singular(word: string): string {
  if (/(?:ss|us|is)$/.test(word) || word.length < 4) return word
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (/(?:ch|sh|x|ss)es$/.test(word)) return word.slice(0, -2)
  return word.endsWith('s') ? word.slice(0, -1) : word
}

/** The form in which two names are compared: `createdAt`, `created_at` and `createdat` are the same. */
export const flat = (name: string): string => wordsOf(name).join('')

/**
 * How well a table's name says that it is `pattern`: the whole of `weight` where it is that, 1 less behind words before it
 * (Django's `payments_order`), next to nothing where it only occurs (`user_settings` are no users).
 */
export function nameScore(words: readonly string[], pattern: string, weight: number): number {
  const wanted = wordsOf(pattern)
  const text = words.join('')
  if (text === wanted.join('')) return weight
  // Django writes LoginHistory as one word: the last words are compared as such.
  if (words.some((_, place) => place > 0 && words.slice(place).join('') === wanted.join(''))) return weight - 1
  return wanted.every((word) => words.includes(word)) ? Math.max(1, weight - 8) : 0
}

/** Text for a comment: a name may hold a line break, behind which it would be SQL. */
export const inComment = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
