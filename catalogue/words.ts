/** A list as a sentence has it: `a, b and c`. */
export function listed(items: readonly (string | number)[], word: 'and' | 'or'): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`
}
