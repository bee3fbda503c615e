import type { Logger } from './log.ts'
import { traced } from './tracing.ts'
import { messageOf } from './user-error.ts'

/**
 * Runs `work` again and again, never two at once, the next one `everyMs` after the last has ended; a failure is said once
 * until it is over.
 */
export function repeat(options: {
  name: string
  everyMs: number
  log: Logger
  /** Asked every second until it is so. */
  whenReady?: () => boolean
  work: () => Promise<void>
}): { stop(): Promise<void> } {
  const { name, everyMs, log, work, whenReady = () => true } = options
  let failing = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  const run = async (): Promise<void> => {
    if (!whenReady()) {
      timer = setTimeout(begin, Math.min(everyMs, 1_000))
      return
    }
    try {
      await traced(name, {}, work)
      if (failing) log.info({ work: name }, 'it works again')
      failing = false
    } catch (error) {
      if (!failing && !stopped)
        log.error({ work: name, error: messageOf(error) }, 'it does not work; it is tried again')
      failing = true
    }
    if (!stopped) timer = setTimeout(begin, everyMs)
  }
  const begin = (): void => {
    running = run()
  }
  begin()
  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
