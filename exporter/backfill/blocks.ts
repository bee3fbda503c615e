import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { type Hours, hourMs } from './hours.ts'
import { fileSink, type Sink } from './sinks.ts'

const run = promisify(execFile)

/** Blocks under way, which become visible together. */
export interface Blocks {
  sinks: readonly Sink[]
  /** Makes the blocks of what the sinks were given, which are closed. */
  make(options: { onBlock: (done: number, all: number) => void; signal: AbortSignal }): Promise<void>
  /** Removes whatever is not finished, once the sinks are closed or abandoned. */
  clean(): Promise<void>
}

/**
 * promtool reads its whole input once more for each block, so each block gets an input of its own. The lengths are among
 * those that Prometheus itself merges blocks to (2 h times powers of 3), in whole multiples since 1970.
 */
const blockHours = [162, 486, 1_458]
const blocksMany = 60

export async function prepareBlocks(directory: string, hours: Hours): Promise<Blocks> {
  await findPromtool()
  const target = resolve(directory)
  await mkdir(target, { recursive: true })
  // Beside the blocks, so that they can be moved in one step; Prometheus leaves names alone that are no block's.
  const work = await mkdtemp(join(target, 'backfill-'))
  const made = join(work, 'blocks')
  const length = blockHours.find((each) => hours.count / each <= blocksMany) ?? blockHours.at(-1) ?? hours.count
  const slices = slicesOf(hours, length)
  const sinks = await Promise.all(slices.map((slice, index) => fileSink(join(work, `${index}.txt`), slice)))
  return {
    sinks,
    make: async ({ onBlock, signal }) => {
      const waiting = slices.map((_, index) => join(work, `${index}.txt`))
      let done = 0
      const makeNext = async (): Promise<void> => {
        for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
          await createBlock({ input: path, directory: made, hours: length, signal })
          await rm(path)
          done += 1
          onBlock(done, slices.length)
        }
      }
      const makers = Array.from({ length: Math.min(4, availableParallelism()) }, makeNext)
      // All are waited for, so that nothing is written any more when what is unfinished is removed.
      const failed = (await Promise.allSettled(makers)).find((maker) => maker.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      for (const block of await readdir(made)) await rename(join(made, block), join(target, block))
    },
    clean: () => rm(work, { recursive: true, force: true }),
  }
}

async function findPromtool(): Promise<void> {
  try {
    await run('promtool', ['--version'])
  } catch (error) {
    throw new UserError(
      `--blocks: promtool cannot be run (${messageOf(error)}); expected it on PATH, it comes with Prometheus. --output FILE writes what it reads`,
      { exitCode: 1 },
    )
  }
}

interface CreateOptions {
  input: string
  directory: string
  hours: number
  signal: AbortSignal
}

async function createBlock({ input, directory, hours, signal }: CreateOptions): Promise<void> {
  // The flag is not in promtool's help; without it every block is of 2 h.
  const flags = ['--quiet', `--max-block-duration=${hours}h`]
  try {
    await run('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', ...flags, input, directory], { signal })
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new UserError(`--blocks: promtool failed: ${said.split('\n').at(-1) || messageOf(error)}`, { exitCode: 1 })
  }
}

/** The hours of each block, by their places. */
export function slicesOf({ firstMs, count }: Hours, length: number): { first: number; end: number }[] {
  const firstHour = firstMs / hourMs
  const slices: { first: number; end: number }[] = []
  for (let first = 0; first < count; ) {
    const end = Math.min(count, (Math.floor((firstHour + first) / length) + 1) * length - firstHour)
    slices.push({ first, end })
    first = end
  }
  return slices
}
