import { constants, crc32, deflateRawSync } from 'node:zlib'

/** The first part of a text, compressed so that another part can follow in the same gzip stream. */
export interface FirstPart {
  sizeBytes: number
  crc: number
  deflated: Buffer
}

// Level 1: a scrape's text shrinks eightfold already, and more costs more than it saves.
const level = 1

/** RFC 1952: deflate, no flags, no time, made for speed, by no system in particular. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff])

export function compressFirst(text: Buffer): FirstPart {
  // A sync flush ends at a whole byte, and is not the end of the stream.
  const deflated = deflateRawSync(text, { level, finishFlush: constants.Z_SYNC_FLUSH })
  return { sizeBytes: text.length, crc: crc32(text), deflated }
}

/** Both parts as one gzip member, which every reader takes; of several members some readers take only the first. */
export function gzipOf(first: FirstPart, rest: Buffer): Buffer {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(rest, first.crc), 0)
  trailer.writeUInt32LE((first.sizeBytes + rest.length) % 2 ** 32, 4)
  return Buffer.concat([header, first.deflated, deflateRawSync(rest, { level }), trailer])
}
