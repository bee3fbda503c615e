import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { chmodSync, chownSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { withFileLock } from '../../lib/file-lock.ts'
import type { Logger } from '../../lib/log.ts'
import { rereadOnChange } from '../../lib/reread.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'

export const scopes = ['ingest', 'read', 'export', 'admin'] as const
export type Scope = (typeof scopes)[number]

const TokenEntrySchema = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 100 }),
    /** Printable, since it is shown in terminals and in the log. */
    name: Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\p{C}\\p{Zl}\\p{Zp}]+$' }),
    /** SHA-256 of the token, hex. A token is 256 random bits, so nothing slower is needed. */
    hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    scopes: Type.Array(Type.Enum(scopes), { minItems: 1 }),
    /** Asks for people: who it is comes with each request. */
    grafana: Type.Optional(Type.Boolean()),
    /** Logins that may read the audit log and the errors through a grafana token; `*` is everybody who is logged in. */
    audit_readers: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    requests_per_minute: Type.Optional(Type.Integer({ minimum: 1 })),
    created_at: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)
const TokensFileSchema = Type.Object({ tokens: Type.Array(TokenEntrySchema) }, { additionalProperties: false })
export type TokenEntry = Static<typeof TokenEntrySchema>
const tokensFile = Compile(TokensFileSchema)
const tokenEntry = Compile(TokenEntrySchema)

export interface NewToken {
  name: string
  scopes: readonly Scope[]
  grafana?: boolean
  auditReaders?: readonly string[]
  requestsPerMinute?: number
  createdAt?: Date
}

/**
 * Makes a token. The token itself is in the answer only; the entry, with its hash, is what the file keeps.
 * @throws {UserError} for a combination that the service would refuse.
 */
export function createToken(options: NewToken): { token: string; entry: TokenEntry } {
  const token = `bar_${randomBytes(32).toString('base64url')}`
  const entry: TokenEntry = {
    id: randomUUID(),
    name: options.name,
    hash: hashOf(token).toString('hex'),
    scopes: [...options.scopes],
    ...(options.grafana ? { grafana: true, audit_readers: [...(options.auditReaders ?? [])] } : {}),
    ...(options.requestsPerMinute === undefined ? {} : { requests_per_minute: options.requestsPerMinute }),
    ...(options.createdAt === undefined ? {} : { created_at: options.createdAt.toISOString() }),
  }
  const wrong = tokenEntry.Errors(entry)[0]
  if (wrong !== undefined) {
    const field = wrong.instancePath.slice(1).replaceAll('/', '.')
    throw new UserError(`the new token: ${field} ${expectedOf(field)}`)
  }
  checkEntries([entry], 'the new token')
  if (!options.grafana && options.auditReaders !== undefined) {
    throw new UserError(
      `the token ${options.name} has audit readers and is not for Grafana; expected them on a grafana token only`,
    )
  }
  return { token, entry }
}

function expectedOf(field: string): string {
  if (field === 'name') return 'is not right; expected 1 to 100 printable characters'
  if (field === 'scopes') return `is empty; expected some of ${scopes.join(', ')}`
  if (field === 'requests_per_minute') return 'is not right; expected a whole number from 1'
  return 'is not right; expected a login of at least one character'
}

/**
 * Writes the whole file, so that a reader sees the old or the new one and never half. A new file is its owner's alone; one
 * that was there keeps its owner and what it lets a group read, so that the service can go on reading it.
 */
export function writeTokensFile(path: string, entries: readonly TokenEntry[]): void {
  checkEntries(entries, path)
  const before = statSync(path, { throwIfNoEntry: false })
  // A link stays a link, and what it points to is replaced.
  const real = before === undefined ? path : realpathSync(path)
  const temporary = `${real}.${randomUUID()}.tmp`
  try {
    writeFileSync(temporary, `${JSON.stringify({ tokens: entries }, undefined, 2)}\n`, { mode: 0o600, flush: true })
    if (before !== undefined) {
      if (process.getuid?.() === 0) chownSync(temporary, before.uid, before.gid)
      chmodSync(temporary, 0o600 | (before.mode & 0o040))
    }
    renameSync(temporary, real)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw notWritable(path, error)
  }
}

function notWritable(path: string, error: unknown): UserError {
  return new UserError(
    `the tokens file ${path} cannot be written: ${messageOf(error)}; expected a directory that may be written`,
  )
}

/**
 * The entries of a tokens file.
 * @throws {UserError} for a file that is not there or not right; hashes are never shown.
 */
export function readTokensFile(path: string): TokenEntry[] {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'is no JSON' : `cannot be read (${messageOf(error)})`
    throw new UserError(`AUDIT_TOKENS_FILE ${path} ${reason}; expected a file made by barometer audit tokens add`)
  }
  if (!tokensFile.Check(content)) {
    const where = tokensFile.Errors(content)[0]?.instancePath || '/'
    throw new UserError(
      `AUDIT_TOKENS_FILE ${path} is not right at ${where}; expected {"tokens": [{id, name, hash, scopes, …}]}`,
    )
  }
  checkEntries(content.tokens, `AUDIT_TOKENS_FILE ${path}`)
  return content.tokens
}

/** Adds a token to the file, which is made where there is none. Many may do so at once. */
export function addToken(path: string, options: NewToken): { token: string; entry: TokenEntry } {
  const made = createToken(options)
  return locked(path, () => {
    const entries = statSync(path, { throwIfNoEntry: false }) === undefined ? [] : readTokensFile(path)
    writeTokensFile(path, [...entries, made.entry])
    return made
  })
}

/** Takes a token out of the file by its id or name; a running service refuses it from its next request on. */
export function revokeToken(path: string, idOrName: string): TokenEntry {
  return locked(path, () => {
    const entries = readTokensFile(path)
    // An id is ours and a name somebody's choice, so an id goes first.
    const entry = entries.find(({ id }) => id === idOrName) ?? entries.find(({ name }) => name === idOrName)
    if (entry === undefined) {
      throw new UserError(
        `there is no token ${idOrName} in ${path}; expected one of ${entries.map(({ name }) => name).join(', ') || 'none: the file is empty'}`,
      )
    }
    writeTokensFile(
      path,
      entries.filter((other) => other !== entry),
    )
    return entry
  })
}

/** Between reading the file and writing it nobody else may, or one of two tokens added at once would be lost. */
function locked<Result>(path: string, work: () => Result): Result {
  try {
    return withFileLock(path, work)
  } catch (error) {
    throw error instanceof UserError ? error : notWritable(path, error)
  }
}

function checkEntries(entries: readonly TokenEntry[], where: string): void {
  for (const [index, entry] of entries.entries()) {
    if (entry.grafana && entry.scopes.some((scope) => scope !== 'read' && scope !== 'export')) {
      throw new UserError(
        `${where}: the grafana token ${entry.name} has the scopes ${entry.scopes.join(', ')}; expected read and export only, since every viewer can use it`,
      )
    }
    if (
      entries.some(
        (other, at) => at < index && (other.id === entry.id || other.name === entry.name || other.hash === entry.hash),
      )
    ) {
      throw new UserError(
        `${where}: the token ${entry.name} is there twice; expected ids, names and hashes that differ`,
      )
    }
  }
}

/** Who a presented token is, or undefined. */
export interface TokenStore {
  find(token: string): TokenEntry | undefined
}

/**
 * The tokens of a file, read again when it changes. A changed file that is not right or cannot be read leaves the last
 * good tokens in place (an editor may be midway) and is a line in the log; a file that is gone leaves none.
 * @throws {UserError} where it is not right at the start, or has no token.
 */
export function openTokensFile(path: string, log: Logger): TokenStore {
  const current = rereadOnChange<TokenEntry[]>({
    paths: [path],
    read: () => readTokensFile(path),
    gone: [],
    onChange: (entries) => log.info({ tokens: entries.length }, 'tokens file read again'),
    onFailure: (error) => log.error({ error }, 'the changed tokens file is not right; the tokens before it stay'),
  })
  if (current().length === 0)
    throw new UserError(
      `AUDIT_TOKENS_FILE ${path} has no token; expected at least one, made by barometer audit tokens add`,
    )
  if ((statSync(path).mode & 0o022) !== 0) {
    log.warn({ file: path }, 'others may write the tokens file, and so make tokens; expected mode 0600 or 0640')
  }
  // A look at the file costs some microseconds, so a revoked token is refused at once and not some seconds later.
  return { find: (token) => findToken(current(), token) }
}

/** Compares with every entry to the end, so that time tells nothing of which one, or how much of it, was right. */
export function findToken(entries: readonly TokenEntry[], token: string): TokenEntry | undefined {
  const presented = hashOf(token)
  let found: TokenEntry | undefined
  for (const entry of entries) {
    if (timingSafeEqual(Buffer.from(entry.hash, 'hex'), presented)) found = entry
  }
  return found
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
