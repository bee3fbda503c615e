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
}

/**
 * What the flags say, the variable where they say nothing.
 * @throws {UserError} for a `--listen` that is no address.
 */
export function servingFrom(flags: ServingFlags, listen: ListenAddress): Serving {
  return {
    listen: flags.listen === undefined ? listen : parseListen(flags.listen),
    tlsCertificateFile: flags.tlsCertFile,
    tlsKeyFile: flags.tlsKeyFile,
    tlsClientCaFile: flags.tlsClientCaFile,
    basicAuthFile: flags.basicAuthFile,
    bearerTokenFile: flags.bearerTokenFile,
  }
}

function parseListen(text: string): ListenAddress {
  const { parse, expected } = variables.EXPORTER_LISTEN
  const address = parse(text)
  if (address === undefined) throw new UserError(`--listen is ${JSON.stringify(text)}; expected ${expected}`)
  return address
}
