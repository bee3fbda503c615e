import {
  gpuJobs,
  gpuMemoryFreeBytes,
  gpuMemoryTotalBytes,
  gpuWorkers,
  openGpuJobStates,
} from '../../catalogue/infrastructure.ts'
import { sumBy, value } from '../../catalogue/promql.ts'
import { timeseries } from '../panels.ts'
import { live } from './states.ts'

const watched = { ...live, noData: 'no GPU provider is watched' }

export const gpuWorkersOverTime = () =>
  timeseries({
    ...watched,
    title: 'GPU workers by state',
    width: 8,
    unit: 'short',
    stacked: true,
    description: 'RunPod serverless workers, RunPod pods and ComfyUI pods, by state.',
    queries: [
      { expression: `${sumBy(['provider', 'state'], value(gpuWorkers))} > 0`, legend: '{{provider}} {{state}}' },
    ],
  })

export const gpuJobsOverTime = () =>
  timeseries({
    ...watched,
    title: 'GPU queue',
    width: 8,
    unit: 'short',
    stacked: true,
    description: 'Jobs that wait and run at ComfyUI pods and RunPod endpoints.',
    queries: [
      {
        expression: sumBy(['endpoint', 'state'], value(gpuJobs, { state: openGpuJobStates })),
        legend: '{{endpoint}} {{state}}',
      },
    ],
  })

export const gpuMemory = () =>
  timeseries({
    ...live,
    title: 'GPU memory in use',
    width: 8,
    unit: 'percentunit',
    max: 1,
    noData: 'no ComfyUI pod is watched',
    description: 'GPU memory that is not free, of all, of each ComfyUI pod over its devices.',
    queries: [
      {
        expression: `1 - ${sumBy(['worker'], value(gpuMemoryFreeBytes))} / ${sumBy(['worker'], value(gpuMemoryTotalBytes))}`,
        legend: '{{worker}}',
      },
    ],
  })
