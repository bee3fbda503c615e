import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import forge from 'node-forge'

const { md, pki } = forge

/** An authority of a test's own, and what it signs. */
export interface Authority {
  /** PEM. */
  certificate: string
  /** A certificate for 127.0.0.1 and `localhost`, which does for a client too, and its key. */
  issue(name: string): Issued
}

/** PEM. */
export interface Issued {
  cert: string
  key: string
}

/** Makes an authority whose signatures are good for a day. */
export function createAuthority(name: string): Authority {
  const keys = keyPair()
  const subject = [{ name: 'commonName', value: name }]
  const own = unsigned(subject, subject, keys.publicKey)
  own.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, critical: true },
  ])
  own.sign(keys.privateKey, md.sha256.create())
  return {
    certificate: pki.certificateToPem(own),
    issue: (issuedTo) => {
      const { publicKey, privateKey } = keyPair()
      const issued = unsigned([{ name: 'commonName', value: issuedTo }], subject, publicKey)
      const [dns, ip] = [2, 7]
      issued.setExtensions([
        {
          name: 'subjectAltName',
          altNames: [
            { type: dns, value: 'localhost' },
            { type: ip, ip: '127.0.0.1' },
          ],
        },
      ])
      issued.sign(keys.privateKey, md.sha256.create())
      return { cert: pki.certificateToPem(issued), key: pki.privateKeyToPem(privateKey) }
    },
  }
}

type Names = { name: string; value: string }[]

function unsigned(subject: Names, issuer: Names, publicKey: forge.pki.PublicKey): forge.pki.Certificate {
  const made = pki.createCertificate()
  made.publicKey = publicKey
  made.serialNumber = `01${randomBytes(15).toString('hex')}`
  // An hour before, for clocks that are not the same.
  made.validity.notBefore = new Date(Date.now() - 3_600_000)
  made.validity.notAfter = new Date(Date.now() + 86_400_000)
  made.setSubject(subject)
  made.setIssuer(issuer)
  return made
}

/** Node makes the keys: the library's own way takes seconds. */
function keyPair(): forge.pki.rsa.KeyPair {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  return { publicKey: pki.publicKeyFromPem(pair.publicKey), privateKey: pki.privateKeyFromPem(pair.privateKey) }
}

/** Where a server finds its certificate: the names of its flags. */
export interface ServerFiles {
  tlsCertificateFile: string
  tlsKeyFile: string
}

/** Writes certificate and key as `<name>.pem` and `<name>-key.pem`. */
export function writeCertificate(directory: string, name: string, { cert, key }: Issued): ServerFiles {
  const files = { tlsCertificateFile: join(directory, `${name}.pem`), tlsKeyFile: join(directory, `${name}-key.pem`) }
  writeFileSync(files.tlsCertificateFile, cert)
  writeFileSync(files.tlsKeyFile, key, { mode: 0o600 })
  return files
}
