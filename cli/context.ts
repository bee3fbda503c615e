import type { Command } from 'commander'
import type { Environment } from '../lib/settings.ts'

/** What a command needs of the process it runs in; `main.ts` makes the real one. */
export interface Context {
  environment: Environment
  /** Writes to standard output, which belongs to what the command was asked for; log lines go to standard error. */
  print(text: string): void
  /** Resolves when whoever reads has taken all that was printed: a pipe takes 64 KB at a time. */
  printed(): Promise<void>
  /** Writes one line to standard error. */
  warn(line: string): void
  now(): Date
  /** Resolves at SIGTERM or SIGINT. A second signal ends the process at once. */
  untilAskedToStop(): Promise<void>
  setExitCode(code: number): void
}

/** Adds one command, with its flags and help, to the program. */
export type Register = (program: Command, context: Context) => void
