/** Bytes that grow, in the forms that Prometheus's files have: big-endian numbers and Go's varints. */
export class Bytes {
  private buffer = Buffer.allocUnsafe(1 << 16)
  length = 0

  /** What was written so far; valid until the next is. */
  get content(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  private room(size: number): void {
    if (this.length + size <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + size))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }

  byte(value: number): void {
    this.room(1)
    this.buffer[this.length++] = value
  }

  uint32(value: number): void {
    this.room(4)
    this.length = this.buffer.writeUInt32BE(value >>> 0, this.length)
  }

  uint64(value: number): void {
    this.room(8)
    this.length = this.buffer.writeBigUInt64BE(BigInt(value), this.length)
  }

  /** @param value a whole number from 0 to 2^53 */
  uvarint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.byte((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest)
  }

  /** @param value a whole number between -2^52 and 2^52 */
  varint(value: number): void {
    this.uvarint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  text(value: string): void {
    const bytes = Buffer.from(value)
    this.uvarint(bytes.length)
    this.bytes(bytes)
  }

  bytes(value: Uint8Array): void {
    this.room(value.length)
    this.buffer.set(value, this.length)
    this.length += value.length
  }

  /** Zeros up to a multiple of so many bytes. */
  align(size: number): void {
    while (this.length % size !== 0) this.byte(0)
  }

  /** The checksum of what was written since. */
  checksum(from: number): void {
    this.uint32(crc32c(this.buffer, from, this.length))
  }

  /** Puts a length into the four bytes that were kept for it before `from`. */
  setLength(from: number): void {
    this.buffer.writeUInt32BE(this.length - from, from - 4)
  }
}

/** CRC-32C, which zlib does not have. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1
  return rest
})

function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0xffffffff
  for (let index = from; index < to; index++) {
    sum = (table[(sum ^ (bytes[index] ?? 0)) & 0xff] ?? 0) ^ (sum >>> 8)
  }
  return (sum ^ 0xffffffff) >>> 0
}
