import { type FileHandle, open } from 'node:fs/promises'
import type { Hours } from './hours.ts'

/** Where lines go: all hours or a part of them. */
export interface Sink {
  /** The places of its hours: from the first, before the end. */
  first: number
  end: number
  add(text: string): void
  /** Passes on what was added, where it is much. */
  drain(): Promise<void>
  /** Passes on all that was added; nothing follows. */
  close(): Promise<void>
}

/** Characters kept in memory for each sink. */
const kept = 1 << 16

export async function fileSink(path: string, places: { first: number; end: number }): Promise<Sink> {
  const file: FileHandle = await open(path, 'w')
  return bufferedSink(places, {
    write: async (text) => void (await file.writeFile(text)),
    close: () => file.close(),
  })
}

export function printSink(print: (text: string) => Promise<void>, { count }: Hours): Sink {
  return bufferedSink({ first: 0, end: count }, { write: print, close: async () => {} })
}

function bufferedSink(
  places: { first: number; end: number },
  target: { write(text: string): Promise<void>; close(): Promise<void> },
): Sink {
  let parts: string[] = []
  let length = 0
  const pass = async (): Promise<void> => {
    const text = parts.join('')
    parts = []
    length = 0
    if (text !== '') await target.write(text)
  }
  return {
    ...places,
    add: (text) => {
      parts.push(text)
      length += text.length
    },
    drain: async () => {
      if (length > kept) await pass()
    },
    close: async () => {
      await pass()
      await target.close()
    },
  }
}
