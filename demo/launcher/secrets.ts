import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A password that nobody has to type. */
export function randomSecret(): string {
  return randomBytes(24).toString('base64url')
}

/** Writes a secret for its owner's eyes only. @returns the file's path */
export function writeSecret(directory: string, name: string, secret: string): string {
  const path = join(directory, name)
  writeFileSync(path, secret, { mode: 0o600 })
  return path
}
