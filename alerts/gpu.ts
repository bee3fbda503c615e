import {
  type GpuWorkerState,
  gpuJobs,
  gpuMemoryFreeBytes,
  gpuMemoryTotalBytes,
  gpuWorkers,
} from '../catalogue/infrastructure.ts'
import { sumBy, value } from '../catalogue/promql.ts'
import { gpuMemoryFreeRatio, gpuThrottledFor } from '../catalogue/slo.ts'
import type { RuleGroup } from './define.ts'
import { percent } from './words.ts'

const serverless = { provider: 'runpod_serverless' } as const
const byEndpoint = ['environment', 'endpoint'] as const
const workers = (...state: GpuWorkerState[]) => sumBy(byEndpoint, value(gpuWorkers, { ...serverless, state }))
const jobsWait = sumBy(byEndpoint, value(gpuJobs, { ...serverless, state: 'in_queue' }))

export const gpuAlerts: RuleGroup = {
  name: 'barometer-gpu',
  interval: '30s',
  alerts: [
    {
      name: 'GpuWorkerThrottled',
      severity: 'warning',
      component: 'gpu',
      for: gpuThrottledFor,
      // One of many is held back every day; more than work is a lack.
      expression: `${workers('throttled')} > ${workers('running', 'initializing')} and ${jobsWait} > 0`,
      summary: 'RunPod holds back workers of {{ $labels.endpoint }} while jobs wait',
      description: `For ${gpuThrottledFor} jobs have waited at the endpoint without a break and RunPod has held back more workers than work.`,
      panel: { board: 'barometer-health', title: 'GPU workers by state' },
    },
    {
      name: 'GpuMemoryLow',
      severity: 'warning',
      component: 'gpu',
      for: gpuMemoryFreeRatio.for,
      expression: `${value(gpuMemoryFreeBytes)} / ${value(gpuMemoryTotalBytes)} < ${gpuMemoryFreeRatio.warning}`,
      summary: 'The GPU worker {{ $labels.worker }} has almost no memory left',
      description: `For ${gpuMemoryFreeRatio.for} less than ${percent(gpuMemoryFreeRatio.warning)} of its GPU memory has been free: the next larger image will fail.`,
      panel: { board: 'barometer-health', title: 'GPU memory in use' },
    },
  ],
}
