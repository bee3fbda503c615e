import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Bytes } from './bytes.ts'
import { type ChunkPlace, type IndexedSeries, renderIndex } from './index-file.ts'
import { samplesPerChunk, XorEncoder } from './xor-chunk.ts'

const magic = 0x85bd40dd
const version = 1
/** XOR. */
const encoding = 1
const flushBytes = 1 << 20
/** Prometheus begins another file there; no block of ours is as large. */
const segmentBytesMax = 512 * 1_048_576

/**
 * Writes a block of Prometheus's storage, byte for byte as it would itself. promtool makes blocks of text, at a million samples
 * a second; a month of scrapes every 30 s and every 5 s are hundreds of millions, and this makes twenty million a second of them.
 */
export class BlockWriter {
  private readonly directory: string
  private readonly ulid: string
  private readonly file: number
  private readonly out = new Bytes()
  private readonly encoder = new XorEncoder()
  private readonly series: IndexedSeries[] = []
  private written = 0
  private samples = 0
  private chunks = 0

  /** @param parent where blocks are; the block is there when it is finished */
  constructor(parent: string) {
    this.ulid = newUlid()
    this.directory = join(parent, this.ulid)
    mkdirSync(join(this.directory, 'chunks'), { recursive: true })
    this.file = openSync(join(this.directory, 'chunks', '000001'), 'w')
    this.out.uint32(magic)
    for (const byte of [version, 0, 0, 0]) this.out.byte(byte)
  }

  /**
   * @param labels ASCII, `__name__` among them
   * @param times whole milliseconds since 1970, rising; of them and the values the first `count` count
   */
  add(labels: Readonly<Record<string, string>>, times: Float64Array, values: Float64Array, count: number): void {
    if (count === 0) return
    const chunks: ChunkPlace[] = []
    for (let from = 0; from < count; from += samplesPerChunk) {
      const to = Math.min(count, from + samplesPerChunk)
      const place = this.written + this.out.length
      const [head, rest] = this.encoder.encode(times, values, from, to)
      this.out.uvarint(head.length + rest.length)
      const checked = this.out.length
      this.out.byte(encoding)
      this.out.bytes(head)
      this.out.bytes(rest)
      this.out.checksum(checked)
      chunks.push({ first: times[from] ?? 0, last: times[to - 1] ?? 0, place })
    }
    this.series.push({ labels: Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)), chunks })
    this.samples += count
    this.chunks += chunks.length
    if (this.out.length >= flushBytes) this.flush()
  }

  private flush(): void {
    writeSync(this.file, this.out.content)
    this.written += this.out.length
    this.out.clear()
    if (this.written > segmentBytesMax) throw new Error('a block of more than 512 MB; expected a shorter one')
  }

  /** @param span of the block, in milliseconds: no sample is in its last or after it */
  finish(span: { begins: number; ends: number }): { samples: number; series: number } {
    this.flush()
    closeSync(this.file)
    writeFileSync(join(this.directory, 'index'), renderIndex(this.series))
    const { samples, chunks, ulid } = this
    const meta = {
      ...{ ulid, minTime: span.begins, maxTime: span.ends, version: 1 },
      stats: { numSamples: samples, numSeries: this.series.length, numChunks: chunks },
      compaction: { level: 1, sources: [ulid] },
    }
    writeFileSync(join(this.directory, 'meta.json'), JSON.stringify(meta))
    return { samples, series: this.series.length }
  }
}

const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A name that no other block has: the time in ten digits of 32, and sixteen by chance. */
function newUlid(): string {
  let time = Date.now()
  let text = ''
  for (let place = 0; place < 10; place++) {
    text = (digits[time % 32] ?? '') + text
    time = Math.floor(time / 32)
  }
  return text + [...randomBytes(16)].map((byte) => digits[byte % 32]).join('')
}
