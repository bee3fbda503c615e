import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { snapshotTimestampSeconds } from '../catalogue/exporter.ts'
import { changeDuring, overTime } from '../catalogue/promql.ts'
import { signups } from '../catalogue/users.ts'
import { testDirectory } from '../testing/directory.ts'
import { run } from '../testing/programs.ts'
import { startPrometheusOver } from '../testing/prometheus.ts'

const [minute, hour, day] = [60, 3_600, 86_400]

/** Series as an exposition with times, as history is written: in order of series, then of time. */
function exposition(samples: readonly { name: string; labels: string; at: number; value: number }[]): string {
  const names = [...new Set(samples.map(({ name }) => name))]
  const blocks = names.map((name) => {
    const lines = samples.filter((sample) => sample.name === name)
    return `# TYPE ${name} gauge\n${lines.map(({ labels, at, value }) => `${name}${labels} ${value} ${at}\n`).join('')}`
  })
  return `${blocks.join('')}# EOF\n`
}

test('a bar is what its day grew by, today is so far, and a day without its midnight has no bar', async () => {
  const now = Math.floor(Date.now() / 1_000)
  const today = Math.floor(now / day) * day
  const first = today - 4 * day
  const hours = Array.from({ length: Math.floor((now - first) / hour) + 1 }, (_, index) => first + index * hour)
  // Nothing was scraped around the midnight between the second day and the third.
  const scraped = hours.filter((at) => at < first + 2 * day - 2 * hour || at > first + 2 * day + hour)
  // A source that nobody came from until the fourth noon.
  const noon = first + 3 * day + day / 2
  const signedUp = [
    ...scraped.map((at) => {
      const labels = '{window="ever",source="direct",country="DE"}'
      return { labels, at, value: 1_000 + (at - first) / minute }
    }),
    ...scraped.flatMap((at) => {
      const labels = '{window="ever",source="late",country="DE"}'
      return at < noon ? [] : [{ labels, at, value: 1 + (at - noon) / hour }]
    }),
  ]
  const samples = [
    ...scraped.map((at) => ({ name: snapshotTimestampSeconds.name, labels: '', at, value: at })),
    ...signedUp.map((sample) => ({ name: signups.name, ...sample })),
    // As backfill writes it, and as rules do; what is newest is not recorded yet.
    ...signedUp.filter(({ at }) => at <= today).map((sample) => ({ name: overTime(signups).name, ...sample })),
  ]
  const directory = testDirectory('bars')
  writeFileSync(join(directory, 'history.txt'), exposition(samples))
  const [file, data] = [join(directory, 'history.txt'), join(directory, 'data')]
  await run('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', file, data])
  const prometheus = await startPrometheusOver(directory)
  onTestFinished(() => prometheus.stop())

  const query = changeDuring(['source'], signups, { window: 'ever' }, '1d')
  const span = { start: String(first - day), end: String(today), step: String(day) }
  const response = await fetch(`${prometheus.url}/api/v1/query_range?${new URLSearchParams({ query, ...span })}`)
  const { data: answer } = (await response.json()) as {
    data: { result: { metric: { source: string }; values: [number, string][] }[] }
  }
  const bars = Object.fromEntries(
    answer.result.map(({ metric, values }) => [
      metric.source,
      Object.fromEntries(values.map(([at, value]) => [(at - first) / day, Number(value)])),
    ]),
  )
  const soFar = Math.floor((now - today) / hour)
  expect(bars.direct).toEqual({ 0: day / minute, 3: day / minute, 4: (soFar * hour) / minute })
  expect(bars.late).toEqual({ 3: 13, 4: soFar })
})
