import type { Command } from 'commander'
import type { Serving } from '../lib/http-server.ts'
import { variables } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { ListenAddress } from '../lib/variables.ts'

interface ServingFlags {
  listen?: string
  tlsCertFile?: string
  tlsKeyFile?: string
  basicAuthFile?: string
  drain: string
}

/** The flags that every service has: where it listens, TLS, basic authentication. */
export function addServingFlags(command: Command, variable: 'EXPORTER_LISTEN' | 'AUDIT_LISTEN'): Command {
  return command
    .option('--listen <host:port>', `where to listen, instead of ${variable}`)
    .option('--tls-cert-file <path>', 'PEM certificate (with its chain); serves HTTPS, needs --tls-key-file')
    .option('--tls-key-file <path>', 'PEM key of the certificate')
    .option(
      '--basic-auth-file <path>',
      'file with one line user:password, asked for on all routes but /livez and /readyz',
    )
    .option('--drain <seconds>', 'how long /readyz says that it is stopping before the service stops', '1')
}

/**
 * What the flags say, the variable where they say nothing.
 * @throws {UserError} for a `--listen` that is no address, and a `--drain` that is no time.
 */
export function servingFrom(flags: ServingFlags, listen: ListenAddress): Serving {
  return {
    listen: flags.listen === undefined ? listen : parseListen(flags.listen),
    tlsCertificateFile: flags.tlsCertFile,
    tlsKeyFile: flags.tlsKeyFile,
    basicAuthFile: flags.basicAuthFile,
    drainMs: parseDrain(flags.drain),
  }
}

/** A minute at most: whoever sends SIGTERM kills sooner or later. */
function parseDrain(text: string): number {
  const seconds = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= 60) return seconds * 1_000
  throw new UserError(`--drain is ${JSON.stringify(text)}; expected seconds from 0 to 60`)
}

function parseListen(text: string): ListenAddress {
  const { parse, expected } = variables.EXPORTER_LISTEN
  const address = parse(text)
  if (address === undefined) throw new UserError(`--listen is ${JSON.stringify(text)}; expected ${expected}`)
  return address
}
