import { masks } from './masks.ts'

/** UUIDs and hex of 20 and more come first, so that digits in them are never looked at. */
const candidates =
  /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=\d{0,64}[a-f])[0-9a-f]{20,128}|(?<!\d|(?<!\d)\d{1,3}\.)\d(?:[ \u00a0-]?\d){11,}/gi

/**
 * Takes card numbers out: 12 to 19 digits, in one or in groups as they are printed, that begin and are as long as an
 * issuer's, and whose check digit (Luhn) is right. Of other numbers of such a length and beginning one in ten goes too;
 * times in milliseconds and most ids begin otherwise.
 */
export function maskCards(text: string): string {
  return text.replace(candidates, (match) => (/^[\d\u00a0 -]+$/.test(match) && !isUuid(match) ? maskIn(match) : match))
}

const isUuid = (text: string): boolean => /^\d{8}-\d{4}-\d{4}-\d{4}-\d{12}$/.test(text)

/** A card may stand among other groups of digits, as behind a date: each run of whole groups is looked at, long ones first. */
function maskIn(text: string): string {
  const groups = [...text.matchAll(/\d+/g)]
  let masked = ''
  let copied = 0
  for (let first = 0; first < groups.length; first += 1) {
    const count = cardFrom(groups.slice(first, first + groupsMax).map((group) => group[0]))
    if (count === 0) continue
    const last = groups[first + count - 1]
    masked += text.slice(copied, groups[first]?.index) + masks.card
    copied = (last?.index ?? 0) + (last?.[0].length ?? 0)
    first += count - 1
  }
  return masked + text.slice(copied)
}

/** 19 digits in groups of at least three. */
const groupsMax = 6

/** How many of the groups make a card, 0 for none. */
function cardFrom(groups: readonly string[]): number {
  for (let count = groups.length; count > 0; count -= 1) if (isCard(groups.slice(0, count))) return count
  return 0
}

function isCard(groups: readonly string[]): boolean {
  const digits = groups.join('')
  // Printed in groups of four, or 4-6-5 and 4-6-4; the last of a long number may be shorter.
  const grouped = groups.length === 1 || groups.every((group, index) => group.length >= (index === 0 ? 4 : 3))
  return grouped && issuers.some((issuer) => issuer.test(digits)) && luhn(digits)
}

/** By the ranges of ISO/IEC 7812 that cards are issued from. */
const issuers: readonly RegExp[] = [
  /^4(?:\d{12}|\d{15}|\d{18})$/, // Visa
  /^(?=\d{16}$)(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, // Mastercard
  /^3[47]\d{13}$/, // American Express
  /^(?:6011|64[4-9]|65|62)\d{12,17}$/, // Discover, UnionPay
  /^(?:30[0-5]|3[689])\d{11,16}$/, // Diners
  /^35(?:2[89]|[3-8])\d{12,16}$/, // JCB
  /^(?:5[0678]|6[0379])\d{10,17}$/, // Maestro
]

function luhn(digits: string): boolean {
  let sum = 0
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits[digits.length - 1 - place])
    const doubled = digit * 2
    sum += place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
