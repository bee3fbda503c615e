import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Logger } from '../lib/log.ts'
import { messageOf, UserError } from '../lib/user-error.ts'

export const scopes = ['ingest', 'read', 'export', 'admin'] as const
export type Scope = (typeof scopes)[number]

const TokenEntrySchema = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 100 }),
    name: Type.String({ minLength: 1, maxLength: 100 }),
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
  checkEntries([entry], 'the new token')
  if (!options.grafana && options.auditReaders !== undefined) {
    throw new UserError(
      `the token ${options.name} has audit readers and is not for Grafana; expected them on a grafana token only`,
    )
  }
  return { token, entry }
}

/** Writes the whole file, readable by its owner only, so that a reader sees the old or the new one and never half. */
export function writeTokensFile(path: string, entries: readonly TokenEntry[]): void {
  checkEntries(entries, path)
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    writeFileSync(temporary, `${JSON.stringify({ tokens: entries }, undefined, 2)}\n`, { mode: 0o600 })
    renameSync(temporary, path)
  } catch (error) {
    throw new UserError(
      `the tokens file ${path} cannot be written: ${messageOf(error)}; expected a directory that may be written`,
    )
  }
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

/** Adds a token to the file, which is made where there is none. */
export function addToken(path: string, options: NewToken): { token: string; entry: TokenEntry } {
  const entries = statSync(path, { throwIfNoEntry: false }) === undefined ? [] : readTokensFile(path)
  const made = createToken(options)
  writeTokensFile(path, [...entries, made.entry])
  return made
}

/** Takes a token out of the file by its id or name; a running service refuses it from its next request on. */
export function revokeToken(path: string, idOrName: string): TokenEntry {
  const entries = readTokensFile(path)
  const entry = entries.find(({ id, name }) => id === idOrName || name === idOrName)
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
 * The tokens of a file, read again when it changes. A changed file that is not right leaves the last good tokens in
 * place (an editor may be midway); a file that is gone leaves none.
 * @throws {UserError} where it is not right at the start, or has no token.
 */
export function openTokensFile(path: string, log: Logger): TokenStore {
  let entries = readTokensFile(path)
  if (entries.length === 0)
    throw new UserError(
      `AUDIT_TOKENS_FILE ${path} has no token; expected at least one, made by barometer audit tokens add`,
    )
  let seen = stamp(path)
  return {
    find: (token) => {
      // A look at the file costs some microseconds, so a revoked token is refused at once and not some seconds later.
      const now = stamp(path)
      if (now !== seen) {
        seen = now
        try {
          entries = now === undefined ? [] : readTokensFile(path)
          log.info({ tokens: entries.length }, 'tokens file read again')
        } catch (error) {
          log.error({ error: messageOf(error) }, 'the changed tokens file is not right; the tokens before it stay')
        }
      }
      return findToken(entries, token)
    },
  }
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

function stamp(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`
}
