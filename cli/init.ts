import { existsSync } from 'node:fs'
import pg from 'pg'
import { createPool, transaction } from '../lib/postgres.ts'
import { readSettings, variables } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Register } from './context.ts'
import { environmentHelp } from './environment-help.ts'
import { withDatabase } from './failure.ts'

interface Flags {
  output: string
  schema?: string
  from?: string[]
  role: string
  force?: boolean
  json?: boolean
}

/** 60 s: the catalogue of some thousand tables is read in a second or two. */
const lookTimeoutMs = 60_000

export const registerInit: Register = (program, context) => {
  program
    .command('init')
    .summary('draft the source views from a look at your tables')
    .description(
      'Looks at the tables, columns and keys of the database and writes a file of SQL with the source views: what is certain as it is, the rest marked TODO with the candidates. Reads the system catalogue, no row of any table, and changes nothing; any role that may connect will do. What was found, guessed and left is listed on standard error.',
    )
    .option('-o, --output <file>', 'the file to write; - is standard output', 'barometer-views.sql')
    .option('--from <schema...>', 'look only into these schemas (default: all that the role may use)')
    .option('--schema <name>', 'the schema of the views (default: SOURCE_SCHEMA)')
    .option('--role <name>', 'who reads the views: the role of the exporter', 'barometer_exporter')
    .option('-f, --force', 'write over a file that is there')
    .option('--json', 'print what was found as JSON on standard output')
    .addHelpText('after', environmentHelp(['DATABASE_URL', 'SOURCE_SCHEMA', 'STORE_SCHEMA'], ['DATABASE_URL']))
    .action(async (flags: Flags) => {
      const settings = readSettings(context.environment, ['DATABASE_URL'])
      const { SOURCE_SCHEMA: configured, STORE_SCHEMA: store, DATABASE_URL: connectionString } = settings
      const schema = identifier('--schema', flags.schema ?? configured)
      const role = identifier('--role', flags.role)
      const toStandardOutput = flags.output === '-'
      if (toStandardOutput && flags.json) {
        throw new UserError('--json and --output - both want standard output; expected one of the two')
      }
      if (!toStandardOutput && !flags.force && existsSync(flags.output)) refuse(flags.output)
      const { readCatalog, unusableSchemas, quotedNames } = await import('./init/catalog.ts')
      const { draftViews } = await import('./init/views.ts')
      const { renderSql } = await import('./init/render.ts')
      const { summaryLines, summaryOf } = await import('./init/summary.ts')
      const { writeViews } = await import('./init/write.ts')

      const pool = createPool({ connectionString, applicationName: 'barometer-init', connectionsMax: 1 })
      const looked = await withDatabase('DATABASE_URL', connectionString, () =>
        transaction(pool, 'BEGIN READ ONLY', async (client) => {
          await client.query(`SET LOCAL statement_timeout = ${lookTimeoutMs}`)
          const unusable = await unusableSchemas(client, flags.from ?? [])
          if (unusable.length > 0) {
            throw new UserError(
              `--from ${unusable.join(' ')}: there is no such schema, or the role may not use it; expected one with USAGE`,
              { exitCode: 2 },
            )
          }
          const catalog = await readCatalog(client, flags.from, [schema, store])
          return { catalog, names: await quotedNames(client, [schema, store, role]) }
        }),
      ).finally(() => pool.end())
      const { catalog, names } = looked
      if (catalog.tables.length === 0) {
        const where = flags.from === undefined ? 'in any schema that the role may use' : `in ${flags.from.join(', ')}`
        throw new UserError(`DATABASE_URL: there is no table ${where}; expected those of the platform`, { exitCode: 1 })
      }
      const drafts = draftViews(catalog)
      const [schemaQuoted = '', storeQuoted = '', roleQuoted = ''] = names
      const sql = renderSql(drafts, {
        database: catalog.database,
        schema: schemaQuoted,
        store: storeQuoted,
        role: roleQuoted,
        roleText: pg.escapeLiteral(role),
      })
      if (toStandardOutput) context.print(sql)
      else writeViews(flags.output, sql, flags.force === true)
      const output = toStandardOutput ? 'standard output' : flags.output
      for (const line of summaryLines(drafts, output)) context.warn(line)
      if (flags.json) context.print(`${JSON.stringify(summaryOf(drafts, flags.output, schema), null, 2)}\n`)
    })
}

function refuse(path: string): never {
  throw new UserError(`--output ${path} is there already; expected a name that is free, or --force to write over it`)
}

/** By the rule that holds for SOURCE_SCHEMA too, since the exporter reads the views by that. */
function identifier(flag: string, text: string): string {
  const { parse, expected } = variables.SOURCE_SCHEMA
  if (parse(text) === undefined) throw new UserError(`${flag} is ${JSON.stringify(text)}; expected ${expected}`)
  return text
}
