import type { Command } from 'commander'
import type { Serving } from '../lib/http-server.ts'
import { variables } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { ListenAddress } from '../lib/variables.ts'

interface ServingFlags {
  listen?: string
  tlsCertFile?: string
  tlsKeyFile?: string
  tlsClientCaFile?: string
  basicAuthFile?: string
  bearerTokenFile?: string
  drain: string
}

/** The flags that every service has: where it listens, TLS, who may ask. */
export function addServingFlags(command: Command, variable: 'EXPORTER_LISTEN' | 'AUDIT_LISTEN'): Command {
  return command
    .option('--listen <host:port>', `where to listen, instead of ${variable}`)
    .option('--tls-cert-file <path>', 'PEM certificate (with its chain); serves HTTPS, needs --tls-key-file')
    .option('--tls-key-file <path>', 'PEM key of the certificate')
    .option('--tls-client-ca-file <path>', 'PEM certificates; only clients with a certificate signed by one are served')
    .option(
      '--basic-auth-file <path>',
      'file with lines user:bcrypt hash (htpasswd -nB user), asked for on all routes but /livez and /readyz',
    )
    .option(
      '--bearer-token-file <path>',
      'file with tokens, one a line, asked for likewise; with both files either will do',
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
    tlsClientCaFile: flags.tlsClientCaFile,
    basicAuthFile: flags.basicAuthFile,
    bearerTokenFile: flags.bearerTokenFile,
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
