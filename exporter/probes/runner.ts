import type { Metric } from '../../catalogue/define.ts'
import {
  dependencyLastProbeTimestampSeconds,
  dependencyLatencySeconds,
  dependencyUp,
} from '../../catalogue/infrastructure.ts'
import type { Logger } from '../../lib/log.ts'
import { markFailed, traced } from '../../lib/tracing.ts'
import type { Family, Sample } from '../store/figure.ts'
import { Histogram } from './histogram.ts'
import { type Probe, ProbeError, type Reading, reading, type Target } from './probe.ts'
import type { Explain } from './reason.ts'

/** What one run of a probe came to. */
export interface Outcome {
  up: boolean
  readings: readonly Reading[]
  /** Seconds that it took; for one that was cut off, until then. */
  seconds: number
  reason?: string
}

interface RunOptions {
  timeoutMs: number
  explain: Explain
  signal?: AbortSignal
}

interface RunningProbe {
  outcome: Promise<Outcome>
  ended: Promise<void>
}

/** One run with its time-out. `ended` settles when the probe itself has, which may be after the outcome. */
export function runOnce(probe: Probe, options: RunOptions): RunningProbe {
  const { dependency, target } = probe.of
  const attributes = { 'barometer.probe.dependency': dependency, 'barometer.probe.target': target }
  const started = Promise.withResolvers<RunningProbe>()
  const outcome = traced(`probe ${dependency}`, attributes, async (span) => {
    const running = run(probe, options)
    started.resolve(running)
    const found = await running.outcome
    if (!found.up) markFailed(span, new Error(found.reason))
    return found
  })
  return { outcome, ended: started.promise.then((running) => running.ended) }
}

function run(probe: Probe, options: RunOptions): RunningProbe {
  const startedMs = performance.now()
  const controller = new AbortController()
  const secondsSince = () => (performance.now() - startedMs) / 1_000
  const down = (error: unknown): Outcome => ({
    up: false,
    readings: probe.readingsWhenDown?.() ?? [],
    seconds: secondsSince(),
    reason: options.explain(error),
  })
  const work = Promise.resolve()
    .then(() => probe.run(controller.signal))
    .then((readings): Outcome => ({ up: true, readings, seconds: secondsSince() }), down)
  const cut = Promise.withResolvers<Outcome>()
  const end = (reason: string) => {
    cut.resolve(down(new ProbeError(reason)))
    controller.abort()
  }
  const timer = setTimeout(() => end(`no answer within ${options.timeoutMs} ms`), options.timeoutMs)
  const stopped = () => end('stopped')
  options.signal?.addEventListener('abort', stopped)
  const outcome = Promise.race([work, cut.promise]).finally(() => {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', stopped)
  })
  return { outcome, ended: work.then(() => {}) }
}

interface Entry {
  probe: Probe
  latency: Histogram<typeof dependencyLatencySeconds> | undefined
  lastEndedSeconds: number | undefined
  outcome: Outcome | undefined
  underway: boolean
  /** What the log was told last. */
  loggedUp: boolean | undefined
}

export interface RunnerOptions {
  probes: readonly Probe[]
  /** Milliseconds since 1970. */
  clock: () => number
  log: Logger
  explain: Explain
  /** 3 s: below the 5 s tick, so that a slow probe is seen, not lost. */
  timeoutMs: number
}

/** Runs all probes at each tick, side by side, and shows what they found all at once when the tick is over. */
export class Runner {
  readonly #options: RunnerOptions
  readonly #entries: Entry[]
  readonly #stopping = new AbortController()
  #ticks = 0
  #ticking: Promise<void> | undefined
  #families: readonly Family[] = []

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#entries = options.probes.map((probe) => ({
      probe,
      latency: latencyOf(probe.of),
      lastEndedSeconds: undefined,
      outcome: undefined,
      underway: false,
      loggedUp: undefined,
    }))
  }

  /** Everything of the last tick that is over; nothing before the first is. */
  families(): readonly Family[] {
    return this.#families
  }

  /** One tick; a call while one is under way is that one. */
  tick(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve()
    this.#ticking ??= this.#tick().finally(() => {
      this.#ticking = undefined
    })
    return this.#ticking
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#ticking
    await Promise.allSettled(this.#entries.map((entry) => entry.probe.stop?.()))
  }

  async #tick(): Promise<void> {
    const due = this.#entries.filter((entry) => this.#ticks % entry.probe.everyTicks === 0)
    this.#ticks += 1
    await Promise.all(due.map((entry) => this.#run(entry)))
    if (!this.#stopping.signal.aborted) this.#families = familiesOf(this.#entries.flatMap(readingsOf))
  }

  async #run(entry: Entry): Promise<void> {
    if (entry.underway) {
      // Its time of the last probe stays what it was: that is how a probe that hangs shows.
      entry.outcome = {
        up: false,
        readings: entry.probe.readingsWhenDown?.() ?? [],
        seconds: 0,
        reason: 'still hanging',
      }
      return
    }
    entry.underway = true
    const { timeoutMs, explain, clock } = this.#options
    const { outcome, ended } = runOnce(entry.probe, { timeoutMs, explain, signal: this.#stopping.signal })
    void ended.then(() => {
      entry.underway = false
    })
    entry.outcome = await outcome
    if (this.#stopping.signal.aborted) return
    entry.latency?.observe(entry.outcome.seconds)
    entry.lastEndedSeconds = clock() / 1_000
    this.#logChange(entry, entry.outcome)
  }

  #logChange(entry: Entry, { up, reason }: Outcome): void {
    if (entry.loggedUp === up) return
    const fields = entry.probe.of
    if (!up) this.#options.log.warn({ ...fields, reason }, 'a probe fails')
    else if (entry.loggedUp === false) this.#options.log.info(fields, 'a probe succeeds again')
    entry.loggedUp = up
  }
}

function latencyOf({ dependency, target }: Target): Entry['latency'] {
  return dependency === 'queue' ? undefined : new Histogram(dependencyLatencySeconds, { dependency, target })
}

function readingsOf({ probe, latency, lastEndedSeconds, outcome }: Entry): Reading[] {
  if (outcome === undefined) return []
  const { dependency, target } = probe.of
  if (dependency === 'queue' || latency === undefined) return [...outcome.readings]
  const labels = { dependency, target }
  const readings = [reading(dependencyUp, labels, outcome.up ? 1 : 0), latency.read(), ...outcome.readings]
  if (lastEndedSeconds !== undefined) {
    readings.push(reading(dependencyLastProbeTimestampSeconds, labels, lastEndedSeconds))
  }
  return readings
}

function familiesOf(readings: readonly Reading[]): Family[] {
  const samples = new Map<Metric, Sample[]>()
  for (const { metric, sample } of readings) {
    const known = samples.get(metric)
    if (known === undefined) samples.set(metric, [sample])
    else known.push(sample)
  }
  return [...samples].map(([metric, of]) => ({ metric, samples: of }))
}
