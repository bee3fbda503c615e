import { statSync } from 'node:fs'
import { messageOf } from './user-error.ts'

export interface RereadOptions<Value> {
  /** The files that the value is made of; a link counts as what it points to, as where Kubernetes swaps a directory. */
  paths: readonly string[]
  read: () => Value
  /** What is given where one of the files is gone; the value before, where this is left out. */
  gone?: Value
  /** Told of each value that was read after the first. */
  onChange: (value: Value) => void
  /** Told once of each change that could not be read, as one line. */
  onFailure: (reason: string) => void
}

/**
 * What files say, read again when they change. A change that is not right or cannot be read leaves the value before it in
 * place: an editor may be midway, or of two files one may be written and the other not yet.
 * @returns a function that looks at the files (some microseconds) and gives the value of now.
 * @throws what `read` throws at the start.
 */
export function rereadOnChange<Value>(options: RereadOptions<Value>): () => Value {
  // Before the files are read, so that a change meanwhile is seen at the first look.
  let seen = stampOf(options.paths)
  let value = options.read()
  return () => {
    const now = stampOf(options.paths)
    if (now === seen) return value
    seen = now
    try {
      value = now.includes('gone') && options.gone !== undefined ? options.gone : options.read()
      options.onChange(value)
    } catch (error) {
      options.onFailure(messageOf(error))
    }
    return value
  }
}

const stampOf = (paths: readonly string[]): string => paths.map(stamp).join(' ')

function stamp(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? 'gone' : `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`
  } catch {
    // A directory that may no longer be looked into: reading says so, once.
    return 'not readable'
  }
}
