import { Bytes } from './bytes.ts'

export interface ChunkPlace {
  /** Milliseconds of its first and last sample. */
  first: number
  last: number
  /** The segment's number times 2^32 and the place in it. */
  place: number
}

export interface IndexedSeries {
  /** By name, in the order of the names, `__name__` among them. */
  labels: readonly (readonly [name: string, value: string])[]
  chunks: readonly ChunkPlace[]
}

const magic = 0xbaaad700
const version = 2

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

function compareSeries({ labels: one }: IndexedSeries, { labels: other }: IndexedSeries): number {
  for (const [index, [name, value]] of one.entries()) {
    const [otherName, otherValue] = other[index] ?? ['', '']
    const order = compare(name, otherName) || compare(value, otherValue)
    if (order !== 0) return order
  }
  return one.length - other.length
}

/**
 * The index of a block, version 2; names and values are ASCII.
 * https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/index.md
 */
export function renderIndex(unsorted: readonly IndexedSeries[]): Buffer {
  const series = [...unsorted].sort(compareSeries)
  const out = new Bytes()
  out.uint32(magic)
  out.byte(version)
  const symbolsAt = out.length
  const symbols = [...new Set(series.flatMap(({ labels }) => labels.flat()))].sort(compare)
  section(out, () => {
    out.uint32(symbols.length)
    for (const symbol of symbols) out.text(symbol)
  })
  out.align(16)
  const seriesAt = out.length
  const postings = addSeries(out, series, new Map(symbols.map((symbol, index) => [symbol, index])))
  const labelIndicesAt = out.length
  const places = new Map<string, number>()
  for (const [pair, references] of postings) {
    out.align(4)
    places.set(pair, out.length)
    section(out, () => {
      out.uint32(references.length)
      for (const reference of references) out.uint32(reference)
    })
  }
  const labelIndicesTableAt = out.length
  section(out, () => out.uint32(0))
  const postingsTableAt = out.length
  section(out, () => {
    out.uint32(places.size)
    for (const [pair, place] of places) {
      out.byte(2)
      for (const text of pair.split('\0')) out.text(text)
      out.uvarint(place)
    }
  })
  const contentsAt = out.length
  for (const place of [symbolsAt, seriesAt, labelIndicesAt, labelIndicesTableAt, labelIndicesAt, postingsTableAt])
    out.uint64(place)
  out.checksum(contentsAt)
  return Buffer.from(out.content)
}

/** Its length in four bytes, what it holds, its checksum. */
function section(out: Bytes, fill: () => void): void {
  out.uint32(0)
  const from = out.length
  fill()
  out.setLength(from)
  out.checksum(from)
}

/** @returns the references of the series by name and value of a label, in the order of these; all of them under none */
function addSeries(
  out: Bytes,
  series: readonly IndexedSeries[],
  symbols: ReadonlyMap<string, number>,
): Map<string, number[]> {
  const postings = new Map<string, number[]>()
  const post = (pair: string, reference: number): void => {
    const known = postings.get(pair)
    if (known === undefined) postings.set(pair, [reference])
    else known.push(reference)
  }
  const entry = new Bytes()
  for (const one of series) {
    entry.clear()
    entry.uvarint(one.labels.length)
    for (const text of one.labels.flat()) entry.uvarint(symbols.get(text) ?? 0)
    addChunks(entry, one.chunks)
    out.align(16)
    const reference = out.length / 16
    out.uvarint(entry.length)
    const from = out.length
    out.bytes(entry.content)
    out.checksum(from)
    post('\0', reference)
    for (const [name, value] of one.labels) post(`${name}\0${value}`, reference)
  }
  return new Map([...postings].sort(([one], [other]) => compare(one, other)))
}

function addChunks(out: Bytes, chunks: readonly ChunkPlace[]): void {
  out.uvarint(chunks.length)
  for (const [index, { first, last, place }] of chunks.entries()) {
    const before = chunks[index - 1]
    if (before === undefined) out.varint(first)
    else out.uvarint(first - before.last)
    out.uvarint(last - first)
    if (before === undefined) out.uvarint(place)
    else out.varint(place - before.place)
  }
}
