import { type Command, Option } from 'commander'
import type { NewToken, Scope } from '../audit-api/tokens/tokens.ts'
import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Context, Register } from './context.ts'
import { environmentHelp } from './environment-help.ts'

interface AddFlags {
  name: string
  scope: readonly string[]
  grafana?: boolean
  auditReader?: readonly string[]
  requestsPerMinute?: string
  json?: boolean
}

export const registerAuditTokens: Register = (program, context) => {
  const tokens = program
    .command('audit')
    .summary('look after the audit log: its tokens and its chain')
    .command('tokens')
    .description(
      'The bearer tokens of the audit API, kept as hashes in AUDIT_TOKENS_FILE. A running service sees changes.',
    )
  registerAdd(tokens, context)
  tokens
    .command('list')
    .description('Prints the tokens: name, scopes, since when. Never the tokens themselves, which are not kept.')
    .option('--json', 'print JSON')
    .addHelpText('after', environmentHelp(['AUDIT_TOKENS_FILE'], ['AUDIT_TOKENS_FILE']))
    .action(async (flags: { json?: boolean }) => {
      const { readTokensFile } = await import('../audit-api/tokens/tokens.ts')
      const entries = readTokensFile(fileOf(context)).map(({ hash: _, ...shown }) => shown)
      const lines = entries.map(({ name, scopes, grafana, created_at: since = 'unknown' }) =>
        [name, scopes.join(','), ...(grafana ? ['grafana'] : []), since].join('  '),
      )
      context.print(flags.json ? `${JSON.stringify(entries, null, 2)}\n` : lines.map((line) => `${line}\n`).join(''))
    })
  tokens
    .command('revoke')
    .description('Takes a token out of the file; the service refuses it from the next request on.')
    .argument('<name>', 'name or id of the token')
    .option('--json', 'print JSON')
    .addHelpText('after', environmentHelp(['AUDIT_TOKENS_FILE'], ['AUDIT_TOKENS_FILE']))
    .action(async (name: string, flags: { json?: boolean }) => {
      const { revokeToken } = await import('../audit-api/tokens/tokens.ts')
      const entry = revokeToken(fileOf(context), name)
      const { id, name: revoked } = entry
      context.print(flags.json ? `${JSON.stringify({ id, name: revoked }, null, 2)}\n` : `revoked ${revoked}\n`)
    })
}

function registerAdd(tokens: Command, context: Context): void {
  tokens
    .command('add')
    .description('Makes a token, prints it once, and adds its hash to the file, which is made where there is none.')
    .requiredOption('--name <name>', 'what the token is for, unique in the file')
    .addOption(
      new Option('--scope <scope...>', 'what it may do')
        .choices(['ingest', 'read', 'export', 'admin'])
        .makeOptionMandatory(),
    )
    .option('--grafana', 'for the data source of Grafana: read and export only, the person is named by each request')
    .option('--audit-reader <login...>', 'logins that may read the audit log through a --grafana token; * is everybody')
    .option('--requests-per-minute <number>', 'rate limit of this token')
    .option('--json', 'print JSON')
    .addHelpText('after', environmentHelp(['AUDIT_TOKENS_FILE'], ['AUDIT_TOKENS_FILE']))
    .action(async (flags: AddFlags) => {
      const { addToken } = await import('../audit-api/tokens/tokens.ts')
      const { token, entry } = addToken(fileOf(context), newToken(flags, context.now()))
      context.print(
        flags.json ? `${JSON.stringify({ id: entry.id, name: entry.name, token }, null, 2)}\n` : `${token}\n`,
      )
    })
}

function newToken(flags: AddFlags, createdAt: Date): NewToken {
  return {
    name: flags.name,
    // The parser has refused every other value.
    scopes: flags.scope as readonly Scope[],
    createdAt,
    ...(flags.grafana ? { grafana: true } : {}),
    ...(flags.auditReader === undefined ? {} : { auditReaders: flags.auditReader }),
    ...(flags.requestsPerMinute === undefined ? {} : { requestsPerMinute: wholeNumber(flags.requestsPerMinute) }),
  }
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value
  throw new UserError(`--requests-per-minute is ${JSON.stringify(text)}; expected a whole number from 1`)
}

function fileOf(context: Context): string {
  return readSettings(context.environment, ['AUDIT_TOKENS_FILE']).AUDIT_TOKENS_FILE
}
