import { runBeside } from './beside.ts'
import type { Register } from './context.ts'

interface Flags {
  list?: boolean
  only?: string
  short?: boolean
  json?: string
  stacks?: string
}

export const registerDrill: Register = (program, context) => {
  program
    .command('drill')
    .summary('faults made for real, and the seconds until somebody is told')
    .description(
      'Starts what the demo starts, kills, freezes and breaks each part of it in turn, and measures until fake Slack and fake PagerDuty have the page and its end. Exits 1 where a page is late, comes twice, or comes where none should.',
    )
    .option('--list', 'print the faults and what they page')
    .option('--only <faults>', 'these faults alone, with commas between them')
    .option('--short', 'three faults at once, which takes some minutes')
    .option('--json <file>', 'add the figures to this file, by their keys')
    .option('--stacks <number>', 'so many stacks side by side, each with a part of the faults')
    .action(async (flags: Flags) => {
      const words = Object.entries(flags).flatMap(([name, value]) =>
        value === true ? [`--${name}`] : [`--${name}`, value],
      )
      await runBeside('drill.ts', words, context)
    })
}
