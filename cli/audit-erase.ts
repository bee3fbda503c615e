import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Register } from './context.ts'
import { environmentHelp } from './environment-help.ts'
import { withDatabase } from './failure.ts'

interface Flags {
  person: string
  also?: readonly string[]
  targetType: readonly string[]
  reason?: string
  dryRun?: boolean
  json?: boolean
}

export const registerAuditErase: Register = (program, context) => {
  program.commands
    .find((command) => command.name() === 'audit')
    ?.command('erase')
    .description(
      'Takes a person out of the audit log, the error log and what is known of the use of dashboards; a pseudonym stands for them from then on. The chain holds as before, and the log records it. Run it as the owner of the log. docs/operating.md says what else there is to erase.',
    )
    .requiredOption('--person <id>', 'the id by which the person acted, was acted upon and logs in')
    .option('--also <text...>', 'what else names them in free text: a name, an address, another id')
    .option('--target-type <type...>', 'what a person is among the targets of events', ['user', 'admin'])
    .option('--reason <text>', 'kept in the log: a number of the request, nothing that names the person')
    .option('--dry-run', 'say what would be erased, and erase nothing')
    .option('--json', 'print JSON')
    .addHelpText('after', environmentHelp(['AUDIT_DATABASE_URL'], ['AUDIT_DATABASE_URL']))
    .action(async (flags: Flags) => {
      const { person, also = [], targetType, reason, dryRun = false, json } = flags
      for (const [flag, text] of [['--person', person] as const, ...also.map((said) => ['--also', said] as const)]) {
        if (text.trim() === '') throw new UserError(`${flag} is empty; expected what names a person`)
      }
      if (reason !== undefined && [person, ...also].some((text) => reason.toLowerCase().includes(text.toLowerCase())))
        throw new UserError('--reason names the person; expected words that do not, since they stay in the log')
      const settings = readSettings(context.environment, ['AUDIT_DATABASE_URL'])
      const databaseUrl = settings.AUDIT_DATABASE_URL
      const { erasePerson } = await import('../audit-api/events/erase.ts')
      const erased = await withDatabase('AUDIT_DATABASE_URL', databaseUrl, () =>
        erasePerson({
          ...{ databaseUrl, personId: person, texts: also, targetTypes: targetType, dryRun },
          ...(reason === undefined ? {} : { reason }),
        }),
      )
      if (json === true) {
        context.print(`${JSON.stringify(erased, null, 2)}\n`)
        return
      }
      const { events, errors, analytics_events: analytics, visits, searched, unsearched } = erased
      const counts = `${events} events, ${errors} errors, ${analytics} analytics events, ${visits} visits of boards`
      if (dryRun)
        context.print(`would erase ${counts}\nfree text is searched for: ${searched.join(', ') || 'nothing'}\n`)
      else
        context.print(
          `erased ${counts}; ${erased.pseudonym} stands for the person, audit.erase ${erased.erasure} records it\n`,
        )
      if (unsearched.length > 0)
        context.print(`not searched for, being one word each; --also searches for it: ${unsearched.join(', ')}\n`)
    })
}
