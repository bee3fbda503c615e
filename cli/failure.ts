import { CommanderError } from 'commander'
import { type Environment, type VariableName, variables } from '../lib/settings.ts'
import { messageOf, UserError } from '../lib/user-error.ts'
import { hostAndPort } from '../lib/variables.ts'

/** How a run ended: nothing to say where the exit code is 0. */
export interface Failure {
  exitCode: number
  line?: string
  stack?: string
}

/**
 * Turns anything thrown into one line and an exit code: 2 is bad configuration or a wrong command line, 1 is something
 * broken. The stack is kept for those who asked for it with LOG_LEVEL=debug.
 */
export function failureOf(thrown: unknown, environment: Environment): Failure {
  if (thrown instanceof CommanderError) {
    // Help and version have been printed; `barometer` alone prints the help and is a wrong command line.
    if (thrown.code === 'commander.help') return { exitCode: 2 }
    if (thrown.exitCode === 0) return { exitCode: 0 }
    return { exitCode: 2, line: messageOf(thrown).replace(/^error: /, '') }
  }
  const debug = environment.LOG_LEVEL === 'debug' || environment.LOG_LEVEL === 'trace'
  const stack = debug && thrown instanceof Error && thrown.stack !== undefined ? { stack: thrown.stack } : {}
  const exitCode = thrown instanceof UserError ? thrown.exitCode : 1
  return { exitCode, line: messageOf(thrown), ...stack }
}

const connectionReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; expected a running Postgres',
  ENOTFOUND: 'no such host; expected the name of one',
  EAI_AGAIN: 'the name cannot be looked up; expected a host name that resolves',
  ETIMEDOUT: 'no answer; expected a running Postgres',
  EHOSTUNREACH: 'the host cannot be reached; expected a running Postgres',
  ECONNRESET: 'the connection was cut; expected a running Postgres',
  '28P01': 'the password is wrong; expected the password of that role',
  '28000': 'the server refuses this role; expected a role that may log in, and an entry for it in pg_hba.conf',
  '3D000': 'there is no such database; expected an existing one',
  '53300': 'the server has no connection left; expected a free one',
}

/**
 * Says which variable stands behind a failed connection, and host and port, never the password.
 * Anything else is given back as it is.
 */
export function namingTheDatabase(thrown: unknown, variable: VariableName, connectionString: string): unknown {
  if (thrown instanceof UserError) return thrown
  const code = codeOf(thrown)
  const timedOut = messageOf(thrown).includes('timeout expired') || messageOf(thrown).includes('timeout exceeded')
  const reason = connectionReasons[code] ?? (timedOut ? connectionReasons.ETIMEDOUT : undefined)
  if (reason === undefined) return thrown
  const shown = variables[variable].secret ? `${variable} (${placeOf(connectionString)})` : variable
  return new UserError(`${shown}: cannot connect: ${reason}`, { exitCode: 1, cause: thrown })
}

/** Runs `work`, naming the database in the error where the connection is what failed. */
export async function withDatabase<Result>(
  variable: VariableName,
  connectionString: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw namingTheDatabase(error, variable, connectionString)
  }
}

function placeOf(connectionString: string): string {
  const { pathname, username } = new URL(connectionString)
  const role = username === '' ? '' : `${username}@`
  return `${role}${hostAndPort(connectionString)}${pathname}`
}

/** The code of an error of Node or of Postgres, or of the first of several. */
function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0])
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
}
