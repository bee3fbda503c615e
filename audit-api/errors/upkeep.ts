import type { Logger } from '../../lib/log.ts'
import { traced } from '../../lib/tracing.ts'
import { messageOf } from '../../lib/user-error.ts'

/** What keeps the error log in order while the service runs. */
export interface ErrorLog {
  /** Gives new types their series of the metric; every minute. */
  refreshSeries(): Promise<void>
  /** Makes the coming days' partitions and drops those past 30 days. @returns how many were dropped; every hour. */
  keepDays(): Promise<number>
}

const minuteMs = 60_000
const hourMs = 3_600_000

/** Keeps the error log's partitions and series in order, from now until stopped; what fails is logged and tried again. */
export function startErrorUpkeep(errorLog: ErrorLog, log: Logger): { stop(): void } {
  const refreshSeries = () =>
    traced('error series', {}, () => errorLog.refreshSeries()).catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, 'the series of the metric of errors could not be brought up to date')
    })
  const keepDays = async () => {
    try {
      const dropped = await traced('error days', {}, () => errorLog.keepDays())
      if (dropped > 0) log.info({ dropped }, 'days of the error log dropped')
    } catch (error) {
      log.error({ error: messageOf(error) }, "the error log's days could not be made or dropped")
    }
  }
  void refreshSeries()
  void keepDays()
  const timers = [setInterval(refreshSeries, minuteMs), setInterval(keepDays, hourMs)]
  return { stop: () => timers.forEach((timer) => void clearInterval(timer)) }
}
