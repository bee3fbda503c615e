import { atMost, metric, oneOf } from './define.ts'
import { dependencies } from './dependencies.ts'

const probes = { exposition: 'probes', type: 'gauge' } as const

/** 40 targets over all dependencies: a platform with more GPU pods than this watches them by its own means. */
export const targetsMax = 40
const dependencyLabels = { dependency: oneOf(...dependencies.map(({ name }) => name)), target: atMost(targetsMax) }

export const dependencyUp = metric({
  ...probes,
  name: 'platform_dependency_up',
  unit: 'bool',
  help: 'Whether the last probe of the dependency succeeded.',
  definition: `${dependencies.map(({ probed }) => probed).join(', ')}. A malformed answer is 0.`,
  labels: dependencyLabels,
  combinationsMax: targetsMax,
  owner: 'probes',
})

export const dependencyLatencySeconds = metric({
  ...probes,
  type: 'histogram',
  name: 'platform_dependency_latency_seconds',
  unit: 'seconds',
  help: 'Duration of the probes.',
  definition: 'Of every probe, failed and timed-out ones too.',
  labels: dependencyLabels,
  combinationsMax: targetsMax,
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3],
  owner: 'probes',
})

export const dependencyLastProbeTimestampSeconds = metric({
  ...probes,
  name: 'platform_dependency_last_probe_timestamp_seconds',
  unit: 'timestamp',
  help: 'When the last probe of the dependency ended; one that hangs shows here.',
  labels: dependencyLabels,
  combinationsMax: targetsMax,
  owner: 'probes',
})

export const queuesMax = 20
const queue = atMost(queuesMax)
const queueFigures = { ...probes, owner: 'queues' } as const

/** BullMQ's states of a job. */
export const jobStates = [
  'waiting',
  'prioritized',
  'active',
  'delayed',
  'failed',
  'completed',
  'paused',
  'waiting-children',
] as const
export type JobState = (typeof jobStates)[number]
/** Jobs that a worker could take at once. */
export const takeableStates = ['waiting', 'prioritized'] as const satisfies readonly JobState[]
/** Jobs that wait for a worker, behind a pause too; a delayed job waits for its time, not for a worker. */
export const waitingStates = [...takeableStates, 'paused'] as const satisfies readonly JobState[]

export const queueJobs = metric({
  ...queueFigures,
  name: 'platform_queue_jobs',
  unit: 'jobs',
  help: 'Jobs in the queue by state.',
  labels: {
    queue,
    state: oneOf(...jobStates),
  },
})

export const queueOldestWaitingSeconds = metric({
  ...queueFigures,
  name: 'platform_queue_oldest_waiting_seconds',
  unit: 'seconds',
  help: 'Age of the job that has waited longest; 0 where none waits.',
  definition:
    'Since its last waiting event, where that was seen, else since it was added, less its delay. Looked for at both ends of the list of waiting jobs, and among prioritized jobs at the front and at the oldest of the least priority.',
  labels: { queue },
})

export const queueWorkers = metric({
  ...queueFigures,
  name: 'platform_queue_workers',
  unit: 'workers',
  help: 'Workers connected to the queue.',
  labels: { queue },
})

export const queuePaused = metric({
  ...queueFigures,
  name: 'platform_queue_paused',
  unit: 'bool',
  help: 'Whether the queue is paused.',
  labels: { queue },
})

export const queueJobsFinishedTotal = metric({
  ...queueFigures,
  type: 'counter',
  name: 'platform_queue_jobs_finished_total',
  unit: 'jobs',
  help: "Jobs completed and failed since the exporter started, from the queue's event stream.",
  labels: { queue, result: oneOf('completed', 'failed') },
})

const queueBuckets = [0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800]

export const queueWaitSeconds = metric({
  ...queueFigures,
  type: 'histogram',
  name: 'platform_queue_wait_seconds',
  unit: 'seconds',
  help: 'Time that jobs waited before they became active.',
  definition: 'From the last waiting (else added) event to active: delays and retry back-off are no waiting.',
  labels: { queue },
  buckets: queueBuckets,
})

export const queueProcessingSeconds = metric({
  ...queueFigures,
  type: 'histogram',
  name: 'platform_queue_processing_seconds',
  unit: 'seconds',
  help: 'Time from active to finished, completed and failed alike.',
  labels: { queue },
  buckets: queueBuckets,
})

export const queueIdsEvictedTotal = metric({
  ...queueFigures,
  type: 'counter',
  name: 'platform_queue_ids_evicted_total',
  unit: 'jobs',
  help: 'Jobs that could not be remembered, because 100,000 are at most; their times are not measured.',
  definition:
    'While the memory is full newcomers are refused, unless something in it was not heard of for a day. Counted when a job begins to wait or to run.',
  labels: { queue },
})

export const queueEventsMissedTotal = metric({
  ...queueFigures,
  type: 'counter',
  name: 'platform_queue_events_missed_total',
  unit: 'events',
  help: "Events that were trimmed from the queue's stream before they were read; jobs finished and their times lack them.",
  definition:
    "From the stream's count of entries ever added, against those that were read since the exporter first read it whole. Absent where Redis does not tell it (before 7.0, or refused by an ACL).",
  labels: { queue },
})

export const gpuProviders = ['runpod_serverless', 'runpod_pods', 'comfyui'] as const
/** The states of a worker, by provider. */
export const gpuWorkerStates = {
  runpod_serverless: ['idle', 'running', 'initializing', 'ready', 'throttled', 'unhealthy'],
  runpod_pods: ['running', 'starting', 'exited', 'terminated', 'other'],
  comfyui: ['running', 'unreachable'],
} as const satisfies Record<(typeof gpuProviders)[number], readonly string[]>
export type GpuWorkerState = (typeof gpuWorkerStates)[keyof typeof gpuWorkerStates][number]
/** Workers that work or soon can. */
export const usableWorkerStates = [
  'ready',
  'running',
  'initializing',
  'idle',
] as const satisfies readonly GpuWorkerState[]
/** Jobs at a provider that are not over. */
export const openGpuJobStates = ['in_queue', 'in_progress'] as const

export const gpuWorkers = metric({
  ...probes,
  name: 'platform_gpu_workers',
  unit: 'workers',
  help: 'GPU workers by provider, endpoint and state.',
  definition: `RunPod serverless workers by the states of /health, RunPod pods by their status (endpoint is pods; ${gpuWorkerStates.runpod_pods.join(', ')}), ComfyUI pods that answer (running) or do not (unreachable).`,
  labels: { provider: oneOf(...gpuProviders), endpoint: atMost(targetsMax), state: atMost<GpuWorkerState>(10) },
  combinationsMax: targetsMax * 6,
  owner: 'gpu',
})

export const gpuJobs = metric({
  ...probes,
  name: 'platform_gpu_jobs',
  unit: 'jobs',
  help: 'Jobs at the GPU provider by state.',
  definition: "RunPod serverless jobs by the states of /health; ComfyUI's queue as in_queue and in_progress.",
  labels: {
    provider: oneOf(...gpuProviders),
    endpoint: atMost(targetsMax),
    state: oneOf(...openGpuJobStates, 'completed', 'failed', 'retried'),
  },
  combinationsMax: targetsMax * 5,
  owner: 'gpu',
})

export const gpuMemoryFreeBytes = metric({
  ...probes,
  name: 'platform_gpu_memory_free_bytes',
  unit: 'bytes',
  help: 'Free GPU memory of a ComfyUI worker, over its devices.',
  labels: { worker: atMost(targetsMax) },
  owner: 'gpu',
})

export const gpuMemoryTotalBytes = metric({
  ...probes,
  name: 'platform_gpu_memory_total_bytes',
  unit: 'bytes',
  help: 'GPU memory of a ComfyUI worker, over its devices.',
  labels: { worker: atMost(targetsMax) },
  owner: 'gpu',
})

export const httpServerRequestDurationSeconds = metric({
  name: 'http_server_request_duration_seconds',
  type: 'histogram',
  unit: 'seconds',
  exposition: 'platform-api',
  replicas: 'share',
  help: 'Duration of HTTP requests, by the OpenTelemetry semantic convention.',
  definition:
    "Exposed by the platform's own API under the job platform-api, and by our services under theirs. http_route is the pattern, never the path.",
  labels: { http_request_method: atMost(9), http_route: atMost(60), http_response_status_code: atMost(20) },
  combinationsMax: 300,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  owner: 'http',
})
