import type { LabelsOf, Metric } from '../../catalogue/define.ts'
import type { Reading } from './probe.ts'

/** The running sums of one histogram series. */
export class Histogram<const Of extends Metric> {
  readonly #metric: Of
  readonly #labels: LabelsOf<Of>
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  constructor(metric: Of, labels: LabelsOf<Of>) {
    this.#metric = metric
    this.#labels = labels
    this.#bounds = metric.buckets ?? []
    this.#counts = this.#bounds.map(() => 0)
  }

  observe(value: number): void {
    this.#count += 1
    this.#sum += value
    const index = this.#bounds.findIndex((bound) => value <= bound)
    if (index !== -1) this.#counts[index] = (this.#counts[index] ?? 0) + 1
  }

  /** A copy, with cumulative buckets. */
  read(): Reading {
    let below = 0
    const buckets = this.#counts.map((count) => {
      below += count
      return below
    })
    const labels = this.#labels as Readonly<Record<string, string>>
    return { metric: this.#metric, sample: { labels, buckets, sum: this.#sum, count: this.#count } }
  }
}
