import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, UserError } from '../../lib/user-error.ts'

export interface ProgramOptions {
  /** How it is called in messages. */
  name: string
  command: string
  arguments: readonly string[]
  environment?: Readonly<Record<string, string>>
  /** The file that its standard output and error are appended to. */
  logFile: string
  /** Resolves when the program is of use; asked again until then. */
  ready: () => Promise<boolean>
  readyTimeoutMs?: number
  workingDirectory?: string
  /** The signal that asks it to end. */
  stopSignal?: NodeJS.Signals
}

/** A program that runs, as a process of its own that can be stopped, killed and frozen. */
export interface Program {
  name: string
  pid: number
  running(): boolean
  /** Asks it to end and waits; after 10 s it is killed. */
  stop(): Promise<void>
  /**
   * Sends any signal. SIGKILL, SIGSTOP and SIGCONT go to the program's own children too, since that is what a dead or
   * frozen machine looks like; after SIGKILL it waits for the end.
   */
  signal(signal: NodeJS.Signals): Promise<void>
}

/** A program that can be started again, in the same place and with the same words, after a stop or a kill. */
export interface Restartable {
  program(): Program
  stop(): Promise<void>
  start(): Promise<void>
  signal(signal: NodeJS.Signals): Promise<void>
}

export async function startRestartable(launch: () => Promise<Program>): Promise<Restartable> {
  let program = await launch()
  return {
    program: () => program,
    stop: () => program.stop(),
    start: async () => {
      await program.stop()
      program = await launch()
    },
    signal: (signal) => program.signal(signal),
  }
}

/**
 * Starts a program in a session of its own, so that the terminal's Ctrl-C reaches only this process, which stops its
 * programs in order; and waits until it is ready.
 * The program is bound to this process: when this one dies in whatever way, the kernel ends the child too (`setpriv
 * --pdeathsig`), so that nothing is left behind.
 * @throws {UserError} when it ends before it is ready or is not ready in time, with the last line of its log.
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const child = launch(options)
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null
  const program: Program = {
    name: options.name,
    pid: child.pid ?? -1,
    running,
    stop: async () => {
      if (!running()) return
      child.kill(options.stopSignal ?? 'SIGTERM')
      // A frozen process takes no other signal before this one.
      signalTree(program.pid, 'SIGCONT')
      const timer = setTimeout(() => signalTree(program.pid, 'SIGKILL'), 10_000)
      await exited
      clearTimeout(timer)
    },
    signal: async (signal) => {
      if (!running()) return
      if (signal === 'SIGKILL' || signal === 'SIGSTOP' || signal === 'SIGCONT') signalTree(program.pid, signal)
      else child.kill(signal)
      if (signal === 'SIGKILL') await exited
    },
  }
  await untilReady(options, running, program)
  return program
}

function launch(options: ProgramOptions): ChildProcess {
  mkdirSync(dirname(options.logFile), { recursive: true })
  const log = openSync(options.logFile, 'a')
  const [command, ...words] = [...boundToParent(), options.command, ...options.arguments]
  try {
    return spawn(command ?? options.command, words, {
      cwd: options.workingDirectory,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', log, log],
      detached: true,
    })
  } finally {
    closeSync(log)
  }
}

let bound: readonly string[] | undefined

/** The words before a command that bind it to this process's life; none where the system has no such tool. */
function boundToParent(): readonly string[] {
  const words = ['setpriv', '--pdeathsig', 'KILL', '--']
  bound ??= spawnSync('setpriv', [...words.slice(1), 'true']).status === 0 ? words : []
  return bound
}

function signalTree(pid: number, signal: NodeJS.Signals): void {
  // The parent first: what is stopped or dead starts no more children.
  const children = childrenOf(pid)
  send(pid, signal)
  for (const child of new Set([...children, ...childrenOf(pid)])) signalTree(child, signal)
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has just ended by itself.
  }
}

function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'))
    return lists.flatMap((list) => list.split(' ').filter((word) => word.trim() !== '')).map(Number)
  } catch {
    return []
  }
}

async function untilReady(options: ProgramOptions, running: () => boolean, program: Program): Promise<void> {
  const deadline = Date.now() + (options.readyTimeoutMs ?? 30_000)
  // The child's 'error' event (no such program) comes after this turn.
  await sleep(5)
  let reason = 'it did not answer'
  while (Date.now() < deadline) {
    if (!running())
      throw new UserError(`${options.name} ended while it started: ${lastLine(options.logFile)}`, { exitCode: 1 })
    try {
      if (await options.ready()) return
    } catch (error) {
      reason = messageOf(error)
    }
    await sleep(50)
  }
  await program.stop()
  throw new UserError(`${options.name} was not ready in ${options.readyTimeoutMs ?? 30_000} ms: ${reason}`, {
    exitCode: 1,
  })
}

function lastLine(path: string): string {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.at(-1) || `no word of it in ${path}`
}

/** Whether an address answers with a status below 400 within a second. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(1_000) })
  await response.body?.cancel()
  return response.ok
}
