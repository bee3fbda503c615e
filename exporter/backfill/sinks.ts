import { createReadStream } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Hours } from './hours.ts'

/** Where lines go: all hours or a part of them. */
export interface Sink {
  /** The places of its hours: from the first, before the end. */
  first: number
  end: number
  add(text: string): void
  /** Keeps lines in a file until the end: families that are found while another is written. */
  addLater(text: string): void
  /** Passes on what was added, where it is much. */
  drain(): Promise<void>
  /** Passes on all that was added, what was kept for the end last; nothing follows. */
  close(end: string): Promise<void>
  /** Leaves it as it is; of what was kept nothing stays. Of no effect after `close`. */
  abandon(): Promise<void>
}

/** Characters kept in memory for each sink. */
const kept = 1 << 16

export async function fileSink(path: string, places: { first: number; end: number }): Promise<Sink> {
  const file: FileHandle = await open(path, 'w')
  const target = { write: async (text: string) => void (await file.writeFile(text)), close: () => file.close() }
  return await bufferedSink(places, target, dirname(path))
}

export async function printSink(print: (text: string) => Promise<void>, { count }: Hours): Promise<Sink> {
  return await bufferedSink({ first: 0, end: count }, { write: print, close: async () => {} }, tmpdir())
}

interface Target {
  write(text: string): Promise<void>
  close(): Promise<void>
}

async function bufferedSink(places: { first: number; end: number }, target: Target, besides: string): Promise<Sink> {
  const directory = await mkdtemp(join(besides, 'backfill-later-'))
  const laterPath = join(directory, 'later.txt')
  const laterFile = await open(laterPath, 'w')
  const now = buffer((text) => target.write(text))
  const later = buffer(async (text) => void (await laterFile.writeFile(text)))
  let isOpen = true
  const end = async (): Promise<void> => {
    isOpen = false
    await target.close()
    await laterFile.close()
    await rm(directory, { recursive: true, force: true })
  }
  return {
    ...places,
    add: now.add,
    addLater: later.add,
    drain: async () => {
      await now.pass(kept)
      await later.pass(kept)
    },
    close: async (last) => {
      await now.pass(0)
      await later.pass(0)
      for await (const text of createReadStream(laterPath, 'utf8')) await target.write(text)
      await target.write(last)
      await end()
    },
    abandon: async () => {
      if (isOpen) await end()
    },
  }
}

function buffer(write: (text: string) => Promise<void>) {
  let parts: string[] = []
  let length = 0
  return {
    add: (text: string): void => {
      parts.push(text)
      length += text.length
    },
    /** Writes what there is, where it is more than so many characters. */
    pass: async (most: number): Promise<void> => {
      if (length <= most) return
      const text = parts.join('')
      parts = []
      length = 0
      await write(text)
    },
  }
}
