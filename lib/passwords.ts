import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { compare } from 'bcryptjs'
import type { Logger } from './log.ts'
import { rereadOnChange } from './reread.ts'
import { sameSecret } from './secrets.ts'
import { messageOf, UserError } from './user-error.ts'

/** What a password is held against: a bcrypt hash, or the password itself. */
interface Entry {
  secret: string
  hashed: boolean
}
type Entries = ReadonlyMap<string, Entry>

/** Users and their passwords, from a file that is read again when it changes. */
export interface PasswordStore {
  /** Whether this pair was found right before, and the file says the same still; costs microseconds. */
  known(user: string, password: string): boolean
  /** Whether it is right. A hash is computed for a user who is not there too, so that time does not tell who is. */
  verify(user: string, password: string): Promise<boolean>
}

const bcryptHash = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
/** 14 is 1.5 s of this machine's time and more on a slower one; a scrape waits 10 s. */
const costMax = 14
/** Pairs found wrong, which are not computed again: a scraper with an old password comes every few seconds. */
const wrongMax = 100
/** Of those who wait for a hash to be computed, one after the other; more are told to come again. */
const waitingMax = 16

/** Thrown where more wait for their hash than is good. */
export class TooManyWaiting extends Error {}

/**
 * The users of a file with lines `user:bcrypt hash`, as `htpasswd -nB user` prints them and Prometheus' web configuration
 * has them; `user:password` is taken too, with a warning in the log. A file that is gone lets nobody in.
 * @throws {UserError} where the file is not there or not right.
 */
export function openPasswordFile(path: string, log: Logger): PasswordStore {
  const current = rereadOnChange<Entries>({
    paths: [path],
    read: () => readPasswordFile(path),
    gone: new Map(),
    onChange: (entries) => {
      log.info({ users: entries.size }, 'password file read again')
      warnOfPlain(entries, log)
    },
    onFailure: (error) => log.error({ error }, 'the changed password file is not right; the passwords before it stay'),
  })
  warnOfPlain(current(), log)
  return passwordStore(current)
}

function warnOfPlain(entries: Entries, log: Logger): void {
  const users = [...entries].filter(([, { hashed }]) => !hashed).map(([user]) => user)
  if (users.length > 0)
    log.warn({ users }, 'the password file has passwords themselves; expected bcrypt hashes of them')
}

/** @param current gives the entries of now */
export function passwordStore(current: () => Entries): PasswordStore {
  // What is remembered of a pair is worth nothing outside this process.
  const key = randomBytes(32)
  const digest = (user: string, secret: string, password: string): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([user, secret, password]))
      .digest()
  /** One for each user at most, so that no flood of wrong ones drives it out. */
  const right = new Map<string, Buffer>()
  const wrong = new Set<string>()
  let computing: Promise<unknown> = Promise.resolve()
  let waiting = 0

  function known(user: string, password: string): boolean {
    const entry = current().get(user)
    const remembered = right.get(user)
    if (entry === undefined || remembered === undefined) return false
    return timingSafeEqual(remembered, digest(user, entry.secret, password))
  }

  /** One after the other, however many ask: the hash is made to be slow, and figures are served meanwhile. */
  async function computed(password: string, hash: string): Promise<boolean> {
    if (waiting >= waitingMax) throw new TooManyWaiting()
    waiting += 1
    const mine = computing.then(() => compare(password, hash))
    computing = mine.catch(() => {})
    try {
      return await mine
    } finally {
      waiting -= 1
    }
  }

  async function verify(user: string, password: string): Promise<boolean> {
    if (known(user, password)) return true
    const entries = current()
    const entry = entries.get(user)
    const stand = entry ?? [...entries.values()].find(({ hashed }) => hashed)
    if (stand === undefined) return false
    if (!stand.hashed) return sameSecret(password, stand.secret) && entry !== undefined
    const pair = digest(user, stand.secret, password)
    const name = pair.toString('base64')
    if (wrong.has(name)) return false
    const good = (await computed(password, stand.secret)) && entry !== undefined
    if (good) right.set(user, pair)
    else remember(wrong, name)
    return good
  }
  return { known, verify }
}

function remember(names: Set<string>, name: string): void {
  names.add(name)
  const oldest = names.values().next().value
  if (names.size > wrongMax && oldest !== undefined) names.delete(oldest)
}

function readPasswordFile(path: string): Entries {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new UserError(`--basic-auth-file ${path} cannot be read: ${messageOf(error)}; expected a readable file`)
  }
  return parsePasswords(text, `--basic-auth-file ${path}`)
}

/**
 * The users of such a text; no message has a password or a hash in it.
 * @throws {UserError} for a line that is no pair, a user who is there twice, and a hash that cannot be used.
 */
export function parsePasswords(text: string, where: string): Entries {
  const entries = new Map<string, Entry>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const place = `${where}, line ${index + 1}`
    const [, user, secret] = /^([^:\s]+):(.+?)\s*$/.exec(line) ?? []
    if (user === undefined || secret === undefined) {
      throw new UserError(`${place}: expected user:bcrypt hash, as htpasswd -nB user prints it, or user:password`)
    }
    if (entries.has(user)) throw new UserError(`${place}: the user ${user} is there twice; expected each once`)
    entries.set(user, { secret, hashed: isHash(secret, `${place}: the hash of ${user}`) })
  }
  if (entries.size === 0) {
    throw new UserError(`${where} has no user; expected lines user:bcrypt hash, as htpasswd -nB user prints them`)
  }
  return entries
}

function isHash(secret: string, which: string): boolean {
  const cost = Number(bcryptHash.exec(secret)?.[1] ?? Number.NaN)
  if (cost > costMax) {
    throw new UserError(`${which} has the cost ${cost}; expected at most ${costMax}: each first use would take seconds`)
  }
  if (cost >= 4) return true
  if (/^(\$[\w-]+\$|\{[A-Z0-9]+\})/.test(secret)) {
    throw new UserError(
      `${which} is of another kind, or cut; expected bcrypt: $2a$, $2b$ or $2y$ and 60 characters in all`,
    )
  }
  return false
}
