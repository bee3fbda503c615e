import { join, resolve } from 'node:path'
import { type Program, type ProgramOptions, startProgram } from '../stack/process.ts'

const root = resolve(import.meta.dirname, '..', '..')

type ScriptOptions = Omit<ProgramOptions, 'command' | 'logFile' | 'arguments' | 'workingDirectory'> & {
  /** The script below the checkout's root, and its words. */
  script: string
  words?: readonly string[]
  logs: string
}

/** Starts one of our scripts as a process of its own, with the Node that runs this one. */
export function startScript({ script, words = [], logs, ...options }: ScriptOptions): Promise<Program> {
  return startProgram({
    ...options,
    command: process.execPath,
    arguments: [join(root, script), ...words],
    logFile: join(logs, `${options.name.toLowerCase().replaceAll(' ', '-')}.log`),
    workingDirectory: root,
  })
}
