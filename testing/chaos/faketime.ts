import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The clock of a program, which can be stepped while it runs. */
export interface Clock {
  environment: Readonly<Record<string, string>>
  /** Seconds it is off by. */
  step(seconds: number): void
}

/**
 * libfaketime, from PATH's system or from Debian's package unpacked below `directory`. Only the wall clock is faked: the
 * monotonic clock does not step when a machine's time is set either.
 * @returns undefined where it cannot be had
 */
export function openClock(directory: string): Clock | undefined {
  const library = installed() ?? unpacked(directory)
  if (library === undefined) return undefined
  const file = join(directory, 'clock')
  const step = (seconds: number) => writeFileSync(file, `${seconds >= 0 ? '+' : ''}${seconds}\n`)
  step(0)
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    step,
  }
}

function installed(): string | undefined {
  return libraryIn('/usr/lib')
}

function unpacked(directory: string): string | undefined {
  const place = join(directory, 'libfaketime')
  mkdirSync(place, { recursive: true })
  try {
    execFileSync('apt-get', ['-qq', 'download', 'libfaketime'], { cwd: place, stdio: 'ignore', timeout: 30_000 })
    const archive = readdirSync(place).find((name) => name.endsWith('.deb'))
    if (archive === undefined) return undefined
    execFileSync('dpkg', ['-x', join(place, archive), join(place, 'root')], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return libraryIn(join(place, 'root', 'usr', 'lib'))
}

function libraryIn(root: string): string | undefined {
  const folders = existsSync(root) ? readdirSync(root).filter((name) => name.includes('-linux-')) : []
  return folders.map((folder) => join(root, folder, 'faketime', 'libfaketime.so.1')).find((path) => existsSync(path))
}
