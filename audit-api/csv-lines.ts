import { createHash } from 'node:crypto'
import { Transform, type TransformCallback } from 'node:stream'

const quote = 0x22
const lineFeed = 0x0a
const lineEnd = Buffer.from('\r\n')

/**
 * Ends the lines of Postgres's CSV as RFC 4180 wants them (CR LF, where Postgres on Linux writes LF), leaving line
 * breaks inside quotes as they are, and counts rows and hashes bytes on the way. Quotes within a cell are doubled, so
 * being inside is the parity of the quotes seen, and a chunk may end anywhere.
 */
export class CsvLines extends Transform {
  /** Lines so far, the header included. */
  lines = 0
  readonly #hash = createHash('sha256')
  #inside = false

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const parts: Buffer[] = []
    let begin = 0
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index]
      if (byte === quote) this.#inside = !this.#inside
      else if (byte === lineFeed && !this.#inside) {
        parts.push(chunk.subarray(begin, index), lineEnd)
        begin = index + 1
        this.lines += 1
      }
    }
    parts.push(chunk.subarray(begin))
    const out = Buffer.concat(parts)
    this.#hash.update(out)
    done(null, out)
  }

  /** The SHA-256 of all bytes, in hex; ask once, at the end. */
  digest(): string {
    return this.#hash.digest('hex')
  }
}
