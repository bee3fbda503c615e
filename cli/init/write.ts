import { writeFileSync } from 'node:fs'
import { messageOf, UserError } from '../../lib/user-error.ts'

/**
 * Writes the file; what is there already may be somebody's work, and is only replaced where that is asked for.
 * @throws {UserError} where it is there, or cannot be written
 */
export function writeViews(path: string, text: string, force: boolean): void {
  try {
    writeFileSync(path, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new UserError(
        `--output ${path} is there already; expected a name that is free, or --force to write over it`,
      )
    }
    throw new UserError(
      `--output ${path} cannot be written (${messageOf(error)}); expected a file in a folder that is there`,
    )
  }
}
