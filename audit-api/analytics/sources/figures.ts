import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { LabelsOf, Metric } from '../../../catalogue/define.ts'

const decompress = promisify(gunzip)

interface Sample {
  labels: Readonly<Record<string, string>>
  value?: number
}

interface Payload {
  collectors: [name: string, state: { asOf: string | null; families: [metric: string, samples: Sample[]][] }][]
}

/** The figures of the newest snapshot: those that `/metrics` shows. */
export interface Figures {
  asOf: Date
  /** The sum over the series that match, null where the metric is not there. */
  sum<Of extends Metric>(metric: Of, labels?: Partial<LabelsOf<Of>>): number | null
  /** The series that match. */
  series<Of extends Metric>(metric: Of, labels?: Partial<LabelsOf<Of>>): { labels: LabelsOf<Of>; value: number }[]
}

/**
 * A snapshot as the exporter writes it: gzip over JSON of the collectors' states. What a failing collector shows is left
 * out once it is too old, as in `/metrics`.
 */
export async function readFigures(
  snapshot: { as_of: Date; payload: Buffer } | undefined,
  staleAfterMs: number,
): Promise<Figures> {
  if (snapshot === undefined) throw Object.assign(new Error('no snapshot yet'), { code: '55000' })
  const payload: Payload = JSON.parse((await decompress(snapshot.payload)).toString('utf8'))
  const families = new Map<string, Sample[]>()
  for (const [, state] of payload.collectors) {
    if (state.asOf === null) continue
    if (snapshot.as_of.getTime() - Date.parse(state.asOf.replace(' ', 'T').replace('+00', 'Z')) > staleAfterMs) continue
    for (const [metric, samples] of state.families) families.set(metric, samples)
  }
  const series = <Of extends Metric>(metric: Of, labels: Partial<LabelsOf<Of>> = {}) =>
    (families.get(metric.name) ?? []).flatMap(({ labels: own, value }) =>
      value !== undefined && Object.entries(labels).every(([name, wanted]) => own[name] === wanted)
        ? [{ labels: own as LabelsOf<Of>, value }]
        : [],
    )
  return {
    asOf: snapshot.as_of,
    series,
    sum: (metric, labels) =>
      families.has(metric.name) ? series(metric, labels).reduce((total, { value }) => total + value, 0) : null,
  }
}
