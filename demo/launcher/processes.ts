import { join, resolve } from 'node:path'
import { nodeEnvironment, nodeFlags } from '../../lib/node-runtime.js'
import {
  type Program,
  type ProgramOptions,
  type Restartable,
  startProgram,
  startRestartable,
} from '../stack/process.ts'

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
    arguments: [...nodeFlags, join(root, script), ...words],
    environment: { ...nodeEnvironment, ...options.environment },
    logFile: join(logs, `${options.name.toLowerCase().replaceAll(' ', '-')}.log`),
    workingDirectory: root,
  })
}

/** The same, as a service that can be started again. */
export const startService = (options: ScriptOptions): Promise<Restartable> =>
  startRestartable(() => startScript(options))
