import { randomUUID } from 'node:crypto'
import type { VerifyProgress } from '../audit-api/chain/verify.ts'
import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Register } from './context.ts'
import { auditVerifyVariables, environmentHelp } from './environment-help.ts'
import { withDatabase } from './failure.ts'

interface Flags {
  from?: string
  json?: boolean
}

export const registerAuditVerify: Register = (program, context) => {
  program.commands
    .find((command) => command.name() === 'audit')
    ?.command('verify')
    .description(
      'Walks the chain over the audit log and names the first row that was changed, removed or inserted; with S3 set it compares the anchors kept there too. Exit 0 where it holds, 1 where it does not. Run it as the role of the audit API, or as the owner.',
    )
    .option('--from <sequence>', 'begin at this place, and leave out the search for rows that no place covers')
    .option('--json', 'print JSON')
    .addHelpText('after', environmentHelp(auditVerifyVariables, ['AUDIT_DATABASE_URL']))
    .action(async ({ from, json }: Flags) => {
      const settings = readSettings(context.environment, ['AUDIT_DATABASE_URL'])
      const fromSequence = from === undefined ? undefined : placeOf(from)
      const { verifyOnce } = await import('../audit-api/chain/verify-once.ts')
      const progress = progressOn(process.stderr)
      const answer = await withDatabase('AUDIT_DATABASE_URL', settings.AUDIT_DATABASE_URL, () =>
        verifyOnce({
          settings,
          now: context.now(),
          eventId: randomUUID(),
          onProgress: progress.show,
          ...(fromSequence === undefined ? {} : { fromSequence }),
        }),
      ).finally(progress.end)
      if (!answer.valid) context.setExitCode(1)
      if (json === true) {
        context.print(`${JSON.stringify(answer, null, 2)}\n`)
        return
      }
      const { finding, head, anchors_compared: anchors } = answer
      const anchored = anchors === 0 ? 'no anchors to compare with' : `${anchors} anchors hold`
      if (finding !== null)
        context.print(`the chain does not hold: ${finding.kind} ${finding.what}: ${finding.detail}\n`)
      else if (head === null) context.print('nothing is sealed yet\n')
      else
        context.print(
          `the chain holds: sequences ${answer.first_sequence} to ${answer.last_sequence}, ${anchored}, head ${head.chain_hash}\n`,
        )
    })
}

function placeOf(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value
  throw new UserError(`--from is ${JSON.stringify(text)}; expected a whole number from 1`)
}

/** A line that is drawn over itself on a terminal; nothing elsewhere. */
function progressOn(stream: NodeJS.WriteStream): { show(progress: VerifyProgress): void; end(): void } {
  let drawn = false
  return {
    show: ({ part, rows, total }) => {
      if (!stream.isTTY) return
      drawn = true
      stream.write(`\r${part}: ${rows}${total === undefined ? '' : ` of ${total}`} rows\u001b[K`)
    },
    end: () => {
      if (drawn) stream.write('\r\u001b[K')
    },
  }
}
