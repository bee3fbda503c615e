import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import { createSecureContext } from 'node:tls'
import type { Logger } from './log.ts'
import { rereadOnChange } from './reread.ts'
import { messageOf, UserError } from './user-error.ts'

/** PEM files. */
export interface TlsFiles {
  tlsCertificateFile?: string | undefined
  tlsKeyFile?: string | undefined
  /** Authorities whose certificates clients must show. */
  tlsClientCaFile?: string | undefined
}

interface Material {
  cert: Buffer
  key: Buffer
  ca?: Buffer
}

/** Makes servers that all have the certificate of now. */
export type TlsServerFactory = (options: ServerOptions, handler: RequestListener) => Server

/**
 * TLS by these files, which are read again when they change: whoever connects next gets the new certificate, connections
 * that are open stay. Where there is a client CA, no request is read from who shows no certificate signed by it.
 * @returns undefined where no file is named
 * @throws {UserError} for a file that is missing, cannot be read, is no PEM, or does not belong to the other.
 */
export function openTls(files: TlsFiles, log: Logger): TlsServerFactory | undefined {
  const { tlsCertificateFile, tlsKeyFile, tlsClientCaFile } = files
  if (tlsCertificateFile === undefined && tlsKeyFile === undefined) {
    if (tlsClientCaFile === undefined) return undefined
    throw new UserError('--tls-client-ca-file needs --tls-cert-file and --tls-key-file; found it alone')
  }
  if (tlsCertificateFile === undefined || tlsKeyFile === undefined) {
    throw new UserError('--tls-cert-file and --tls-key-file go together; found one of the two, expected both')
  }
  const current = rereadOnChange<Material>({
    paths: [tlsCertificateFile, tlsKeyFile, ...(tlsClientCaFile === undefined ? [] : [tlsClientCaFile])],
    read: () => readMaterial(tlsCertificateFile, tlsKeyFile, tlsClientCaFile),
    onChange: ({ cert }) => log.info({ valid_to: validTo(cert) }, 'certificates read again'),
    onFailure: (error) => log.error({ error }, 'the changed certificates are not right; those before them stay'),
  })
  return (options, handler) => {
    let used = current()
    const clients = { requestCert: tlsClientCaFile !== undefined, rejectUnauthorized: tlsClientCaFile !== undefined }
    const server = createServer({ ...options, ...used, ...clients }, handler)
    // Before Node's own listener, which begins the handshake. Three looks at files cost some microseconds.
    server.prependListener('connection', () => {
      const now = current()
      if (now === used) return
      server.setSecureContext(now)
      used = now
    })
    server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
      log.debug({ code: error.code }, 'a TLS connection did not come about')
    })
    return server
  }
}

function readMaterial(certificateFile: string, keyFile: string, clientCaFile: string | undefined): Material {
  const cert = read('--tls-cert-file', certificateFile)
  const key = read('--tls-key-file', keyFile)
  const clientCa = clientCaFile === undefined ? undefined : read('--tls-client-ca-file', clientCaFile)
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    throw new UserError(
      `--tls-cert-file ${certificateFile} and --tls-key-file ${keyFile} cannot be used: ${messageOf(error)}; expected a PEM certificate and the key of it`,
    )
  }
  if (clientCaFile === undefined || clientCa === undefined) return { cert, key }
  // Node takes a file without a certificate for one that trusts nobody, and says nothing.
  const blocks =
    clientCa.toString('latin1').match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0 || !blocks.every(isCertificate)) {
    throw new UserError(`--tls-client-ca-file ${clientCaFile} cannot be used; expected one or more PEM certificates`)
  }
  return { cert, key, ca: clientCa }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca
  } catch {
    return false
  }
}

const validTo = (cert: Buffer): string => new X509Certificate(cert).validToDate.toISOString()

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UserError(`${flag} ${path} cannot be read: ${messageOf(error)}; expected a readable file`)
  }
}
