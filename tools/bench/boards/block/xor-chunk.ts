import { Bytes } from './bytes.ts'

/** Samples that Prometheus keeps in a chunk. */
export const samplesPerChunk = 120

/** So many bits for a change of the distance of two samples, after a prefix of so many bits. */
const distances = [
  { bits: 14, prefix: 0b10, prefixBits: 2 },
  { bits: 17, prefix: 0b110, prefixBits: 3 },
  { bits: 20, prefix: 0b1110, prefixBits: 4 },
] as const

/**
 * Writes chunks as Prometheus does: changes of the distance between samples, and values by their XOR with the one before.
 * https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/chunks.md
 */
export class XorEncoder {
  private readonly head = new Bytes()
  /** 120 samples of at most 18 bytes. */
  private readonly bits = new Uint8Array(4_096)
  private bitCount = 0
  private low = 0
  private high = 0
  private leading = 0xff
  private trailing = 0

  /** @returns the chunk of samples `from` to before `to`; valid until the next call. Times are whole milliseconds. */
  encode(times: Float64Array, values: Float64Array, from: number, to: number): readonly [Uint8Array, Uint8Array] {
    // By their bits: a number that is none has many, and which they are says that a series ended.
    const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
    this.bits.fill(0)
    this.bitCount = 0
    this.leading = 0xff
    this.head.clear()
    this.head.byte((to - from) >> 8)
    this.head.byte((to - from) & 0xff)
    this.head.varint(times[from] ?? 0)
    this.low = halves[2 * from] ?? 0
    this.high = halves[2 * from + 1] ?? 0
    this.head.uint32(this.high)
    this.head.uint32(this.low)
    let distance = 0
    for (let index = from + 1; index < to; index++) {
      const next = (times[index] ?? 0) - (times[index - 1] ?? 0)
      if (index === from + 1) this.head.uvarint(next)
      else this.change(next - distance)
      distance = next
      this.value(halves[2 * index] ?? 0, halves[2 * index + 1] ?? 0)
    }
    return [this.head.content, this.bits.subarray(0, Math.ceil(this.bitCount / 8))]
  }

  private change(by: number): void {
    const fits = distances.find(({ bits }) => by > -(2 ** (bits - 1)) && by <= 2 ** (bits - 1))
    if (by === 0) this.write(0, 1)
    else if (fits !== undefined) {
      this.write(fits.prefix, fits.prefixBits)
      this.write(by, fits.bits)
    } else {
      this.write(0b1111, 4)
      this.write(Math.floor(by / 2 ** 32), 32)
      this.write(by, 32)
    }
  }

  private value(nextLow: number, nextHigh: number): void {
    const low = nextLow ^ this.low
    const high = nextHigh ^ this.high
    this.low = nextLow
    this.high = nextHigh
    if (low === 0 && high === 0) this.write(0, 1)
    else this.difference(low, high)
  }

  private difference(low: number, high: number): void {
    const leading = Math.min(31, high === 0 ? 32 + Math.clz32(low) : Math.clz32(high))
    const trailing = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low)
    if (this.leading !== 0xff && leading >= this.leading && trailing >= this.trailing) {
      this.write(0b10, 2)
    } else {
      this.leading = leading
      this.trailing = trailing
      this.write(0b11, 2)
      this.write(leading, 5)
      // 64 has no place in six bits and is written as 0, which is no length.
      this.write(64 - leading - trailing, 6)
    }
    this.significant(low, high)
  }

  private significant(low: number, high: number): void {
    const count = 64 - this.leading - this.trailing
    if (this.trailing >= 32) {
      this.write(high >>> (this.trailing - 32), count)
      return
    }
    const shifted = this.trailing === 0 ? low : (low >>> this.trailing) | (high << (32 - this.trailing))
    if (count > 32) this.write(high >>> this.trailing, count - 32)
    this.write(shifted, Math.min(32, count))
  }

  /** The lowest bits of a number, the highest of them first. */
  private write(value: number, count: number): void {
    let left = count
    while (left > 0) {
      const free = 8 - (this.bitCount & 7)
      const taken = Math.min(free, left)
      const part = (value >>> (left - taken)) & ((1 << taken) - 1)
      const at = this.bitCount >> 3
      this.bits[at] = (this.bits[at] ?? 0) | (part << (free - taken))
      this.bitCount += taken
      left -= taken
    }
  }
}

const trailingZeros = (value: number): number => 31 - Math.clz32(value & -value)
