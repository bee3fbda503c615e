import type { Serving } from '../lib/http-server.ts'
import { UserError } from '../lib/user-error.ts'
import type { Context } from './context.ts'

/** A service that runs until it is told to stop. */
export interface Running {
  stop(): Promise<void>
}

/** 15 s, beside the time in which `/readyz` says that it is stopping: a container gets 30 s between SIGTERM and SIGKILL by default in Kubernetes, 10 s in Docker for what is left. */
const stopTimeoutMs = 15_000

/**
 * Starts the service, waits for SIGTERM or SIGINT and stops it in order.
 * @throws {UserError} where it does not stop in time.
 */
export async function runUntilStopped(
  name: string,
  context: Context,
  { drainMs = 0 }: Pick<Serving, 'drainMs'>,
  start: () => Promise<Running>,
): Promise<void> {
  // Listened for before the start, so that no signal falls between the two.
  const asked = context.untilAskedToStop()
  const running = await start()
  await asked
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new UserError(`${name} did not stop within ${(drainMs + stopTimeoutMs) / 1_000} s`, { exitCode: 1 })
    timer = setTimeout(() => reject(error), drainMs + stopTimeoutMs)
  })
  try {
    await Promise.race([running.stop(), late])
  } finally {
    clearTimeout(timer)
  }
}
