import { rmSync } from 'node:fs'
import { join } from 'node:path'
import getPort from 'get-port'
import { runCommand } from '../run-command.ts'
import type { RunDirectory } from './run-directory.ts'

/** Where the audit API is going to be, and who may ask it: known before it runs, since the platform reports to it. */
export interface AuditApiAccess {
  url: string
  tokensFile: string
  /** Of the demo's dashboards and of whoever tries it. */
  token: string
  /** Of the platform's services, which report errors and do nothing else. */
  platformToken: string
}

export async function prepareAuditApi(directory: RunDirectory): Promise<AuditApiAccess> {
  const tokensFile = join(directory.folder('secrets'), 'tokens.json')
  // A kept run has tokens of these names, which nobody knows any more.
  rmSync(tokensFile, { force: true })
  const add = async (name: string, scopes: readonly string[]) => {
    const words = ['audit', 'tokens', 'add', '--name', name, '--scope', ...scopes]
    return (await runCommand(words, { AUDIT_TOKENS_FILE: tokensFile }, directory.folder('logs'))).trim()
  }
  const token = await add('demo', ['ingest', 'read', 'export'])
  const platformToken = await add('platform', ['ingest'])
  const url = `http://127.0.0.1:${await getPort({ host: '127.0.0.1' })}`
  return { url, tokensFile, token, platformToken }
}
