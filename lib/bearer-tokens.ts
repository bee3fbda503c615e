import { readFileSync } from 'node:fs'
import type { Logger } from './log.ts'
import { rereadOnChange } from './reread.ts'
import { sameSecret } from './secrets.ts'
import { messageOf, UserError } from './user-error.ts'

/** Whether a presented token is one of those of now. */
export type BearerTokens = (presented: string) => boolean

/** What `openssl rand -hex 16` makes, at least: shorter ones can be guessed. */
const charactersMin = 32

/**
 * The tokens of a file, one a line, read again when it changes: two while one takes the other's place. A file that is
 * gone lets nobody in.
 * @throws {UserError} where the file is not there or not right; no message has a token in it.
 */
export function openBearerTokens(path: string, log: Logger): BearerTokens {
  const current = rereadOnChange<readonly string[]>({
    paths: [path],
    read: () => readBearerTokens(path),
    gone: [],
    onChange: (tokens) => log.info({ tokens: tokens.length }, 'bearer token file read again'),
    onFailure: (error) => log.error({ error }, 'the changed bearer token file is not right; the tokens before it stay'),
  })
  return (presented) => {
    let found = false
    // To the end, so that time does not tell which one it was.
    for (const token of current()) if (sameSecret(presented, token)) found = true
    return found
  }
}

function readBearerTokens(path: string): string[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new UserError(`--bearer-token-file ${path} cannot be read: ${messageOf(error)}; expected a readable file`)
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  for (const [index, line] of lines.entries()) {
    if (line !== '' && (line.length < charactersMin || !/^[\x21-\x7e]+$/.test(line))) {
      throw new UserError(
        `--bearer-token-file ${path}, line ${index + 1}: expected a token of at least ${charactersMin} letters, digits or signs`,
      )
    }
  }
  const tokens = lines.filter((line) => line !== '')
  if (tokens.length === 0) throw new UserError(`--bearer-token-file ${path} has no token; expected one a line`)
  return tokens
}
