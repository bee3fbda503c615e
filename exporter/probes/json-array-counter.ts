import { ProbeError } from './probe.ts'

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const blanks = new Set([0x20, 0x09, 0x0a, 0x0d])
/** Longer than any name that is looked for. */
const nameBytesMax = 64
/** A prompt's graph is a few levels deep. */
const depthMax = 1_000

/**
 * Counts the elements of arrays that are members of a JSON object, while the text comes in pieces. Nothing but the
 * object's own names is kept, and of those at most 64 bytes: an answer may be large, and its content is not ours to
 * hold. The text's brackets and strings are checked, what stands inside the arrays is not.
 */
export class JsonArrayCounter {
  readonly #counts = new Map<string, number>()
  readonly #wanted: ReadonlySet<string>
  /** What is open, as the bytes that opened it. */
  readonly #open: number[] = []
  #started = false
  #inString = false
  #escaped = false
  #nameBytes: number[] = []
  #name: string | undefined
  /** The array whose elements are being counted. */
  #counting: string | undefined
  #elementSeen = false

  constructor(wanted: readonly string[]) {
    this.#wanted = new Set(wanted)
  }

  add(chunk: Uint8Array): void {
    for (let index = 0; index < chunk.length; index += 1) {
      if (this.#inString && this.#open.length > 1 && !this.#escaped) {
        // Long strings are prompts: to jump over them is what keeps an answer of tens of megabytes cheap.
        index = this.#skipString(chunk, index)
        if (index >= chunk.length) return
      }
      const byte = chunk[index] as number
      if (this.#inString) this.#stringByte(byte)
      else this.#byte(byte)
    }
  }

  /** The number of elements by name. @throws {ProbeError} where the text is not a whole JSON object. */
  finish(): ReadonlyMap<string, number> {
    if (!this.#started || this.#open.length > 0 || this.#inString) throw malformed()
    return this.#counts
  }

  /** The index of the next byte in a string that means something, or the length of the chunk. */
  #skipString(chunk: Uint8Array, from: number): number {
    let index = from
    while (index < chunk.length && chunk[index] !== quote && chunk[index] !== backslash) index += 1
    return index
  }

  #stringByte(byte: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === backslash) this.#escaped = true
    else if (byte === quote) {
      this.#inString = false
      if (this.#open.length === 1) this.#name = Buffer.from(this.#nameBytes).toString('utf8')
      return
    }
    if (this.#open.length === 1 && this.#nameBytes.length < nameBytesMax) this.#nameBytes.push(byte)
  }

  #byte(byte: number): void {
    if (blanks.has(byte)) return
    if (!this.#started && byte !== openBrace) throw malformed()
    if (this.#started && this.#open.length === 0) throw malformed()
    this.#started = true
    if (this.#counting !== undefined && this.#open.length === 2) this.#countedByte(byte)
    if (byte === quote) {
      this.#inString = true
      this.#nameBytes = []
    } else if (byte === openBrace || byte === openBracket) this.#begin(byte)
    else if (byte === closeBrace || byte === closeBracket) this.#end(byte)
    else if (byte === comma && this.#open.length === 1) this.#name = undefined
    else if (byte !== comma && byte !== colon && !isLiteral(byte)) throw malformed()
  }

  #countedByte(byte: number): void {
    const name = this.#counting as string
    if (byte === comma) this.#elementSeen = false
    else if (byte !== closeBracket && !this.#elementSeen) {
      this.#elementSeen = true
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    }
  }

  #begin(byte: number): void {
    if (this.#open.length >= depthMax) throw malformed()
    this.#open.push(byte)
    if (this.#open.length === 2 && byte === openBracket && this.#name !== undefined && this.#wanted.has(this.#name)) {
      this.#counting = this.#name
      this.#elementSeen = false
      this.#counts.set(this.#name, 0)
    }
  }

  #end(byte: number): void {
    const opened = this.#open.pop()
    if (opened !== (byte === closeBrace ? openBrace : openBracket)) throw malformed()
    if (this.#open.length === 1) this.#counting = undefined
  }
}

/** Letters, digits, signs and points: what numbers, true, false and null are made of. */
function isLiteral(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  )
}

function malformed(): ProbeError {
  return new ProbeError('the answer is not a whole JSON object')
}
