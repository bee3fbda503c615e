import { type BoardSettings, board } from './board.ts'
import { apiBudget, apiErrors, apiLatency, apiRate, apiRoutes } from './health/api.ts'
import { errorGroups, errorRate, recentErrors } from './health/errors.ts'
import { gpuJobsOverTime, gpuMemory, gpuWorkersOverTime } from './health/gpu.ts'
import {
  failedJobs,
  oldestWaiting,
  processingRate,
  processingTime,
  queueLength,
  waitTime,
  workers,
} from './health/queues.ts'
import { latencyOfDependencies, stateOverTime, statusTiles } from './health/status.ts'

/** For operations: is it up, how fast is it, what fails. */
export const health = {
  name: 'health',
  build: (settings: BoardSettings) =>
    board({
      name: 'health',
      title: 'Health',
      description: 'What the platform depends on, its API, its queues and GPUs, and what fails.',
      from: 'now-3h',
      sections: [
        { title: 'Status', panels: [...statusTiles(), stateOverTime(), latencyOfDependencies()] },
        { title: 'API', panels: [...apiBudget(), apiRate(), apiErrors(), apiLatency(), apiRoutes()] },
        {
          title: 'Queues',
          panels: [
            ...[failedJobs(), oldestWaiting()],
            ...[queueLength(), processingRate(), waitTime(), processingTime(), workers()],
          ],
        },
        { title: 'GPUs', panels: [gpuWorkersOverTime(), gpuJobsOverTime(), gpuMemory()] },
        { title: 'Errors', panels: [errorRate(), errorGroups(), recentErrors(settings)] },
      ],
    }),
} as const
