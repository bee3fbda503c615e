import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Connection, Submittable } from 'pg'

/**
 * Writes one row of COPY's output as one line of the file, from `at` on, and says where it ends. It may add at most
 * `growthMax` bytes to the row.
 */
export type LineWriter = (row: Buffer, out: Buffer, at: number) => number

export const growthMax = 64
/** What the socket brings at once; a smaller block would be two writes, a larger one waits for nothing. */
const blockBytes = 65_536

/**
 * A COPY … TO STDOUT as a stream of bytes, with every row on its own in between: Postgres sends each in a message of its
 * own, so that lines are ended and counted without looking for their ends. (pg-copy-streams joins the messages; it and finding
 * the lines again, quotes counted, took twice the CPU of this.) It takes no more from the server than the
 * reader takes from it; destroying it leaves the connection in the middle of a COPY, to be closed.
 */
export class CopyRows extends Readable implements Submittable {
  /** Rows so far. */
  rows = 0
  readonly #statement: string
  readonly #writeLine: LineWriter
  readonly #hash = createHash('sha256')
  #connection: Connection | undefined
  #block = Buffer.allocUnsafeSlow(blockBytes)
  #sent = 0
  #end = 0
  #flushing = false

  /** @param head the bytes before the first row */
  constructor(statement: string, head: string, writeLine: LineWriter) {
    super({ highWaterMark: 4 * blockBytes })
    this.#statement = statement
    this.#writeLine = writeLine
    this.#end = this.#block.write(head)
  }

  /** The SHA-256 of all bytes, in hex; ask once, at the end. */
  digest(): string {
    return this.#hash.digest('hex')
  }

  override _read(): void {
    this.#connection?.stream.resume()
  }

  /** The driver's part of the protocol: the query is sent, then its messages come to the handlers below. */
  submit(connection: Connection): void {
    this.#connection = connection
    connection.query(this.#statement)
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    if (this.destroyed) return
    const room = chunk.length + growthMax
    if (this.#end + room > this.#block.length) {
      this.#flush()
      this.#block = Buffer.allocUnsafeSlow(Math.max(blockBytes, room))
      this.#sent = 0
      this.#end = 0
    }
    this.#end = this.#writeLine(chunk, this.#block, this.#end)
    this.rows += 1
    // What one read from the socket brought leaves together, the first rows at once.
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.destroyed || this.#end === this.#sent) return
    const bytes = this.#block.subarray(this.#sent, this.#end)
    this.#sent = this.#end
    this.#hash.update(bytes)
    if (!this.push(bytes)) this.#connection?.stream.pause()
  }

  handleCommandComplete(): void {
    this.#flush()
    this.push(null)
  }

  handleReadyForQuery(): void {}

  handleError(error: Error): void {
    this.destroy(error)
  }
}
