import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { averageOf, overTime, sum, value } from '../catalogue/promql.ts'
import { recordedFigures, recordedRates, requestRate } from '../catalogue/recordings.ts'
import { activeUsers, users } from '../catalogue/users.ts'
import { testDirectory } from '../testing/directory.ts'
import { run } from '../testing/programs.ts'
import { ruleGroups } from './index.ts'
import { recordedFiguresGroup, recordedRateGroups } from './recordings.ts'

const fileOf = (name: string) => resolve(import.meta.dirname, 'generated', `${name}.yml`)

interface Expected {
  query: string
  /** Minutes and seconds since the first sample. */
  at: string
  samples: Record<string, number>
}

/** Has promtool evaluate a group over series that are sampled every so often, and asks for what is expected. */
async function expectRecorded(group: string, interval: string, series: Record<string, string>, expected: Expected[]) {
  const directory = testDirectory('recordings')
  writeFileSync(
    join(directory, 'test.yml'),
    stringify({
      rule_files: [fileOf(group)],
      evaluation_interval: interval,
      tests: [
        {
          interval: '5s',
          input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
          promql_expr_test: expected.map(({ query, at, samples }) => ({
            ...{ expr: query, eval_time: at },
            exp_samples: Object.entries(samples).map(([labels, number]) => ({ labels, value: number })),
          })),
        },
      ],
    }),
  )
  expect(await run('promtool', ['test', 'rules', join(directory, 'test.yml')])).toContain('SUCCESS')
}

test('Prometheus takes every group', async () => {
  const files = ruleGroups.map(({ name }) => fileOf(name))
  expect(await run('promtool', ['check', 'rules', ...files])).toContain('SUCCESS')
})

test('every recording has a name of its own that says of what, and each group its rhythm', () => {
  const recordings = [...recordedFigures, ...Object.values(recordedRates).flat()]
  expect(new Set(recordings.map(({ name }) => name)).size).toBe(recordings.length)
  for (const { name, recordedBy } of recordings) {
    const [, metric = ''] = /^[a-z_]+:(\w+):(?:max|rate\d+s)$/.exec(name) ?? []
    expect(recordedBy, name).toContain(`(${metric}`)
  }
  expect([recordedFiguresGroup, ...recordedRateGroups].map(({ interval }) => interval)).toEqual(['30s', '1m', '5m'])
})

test('figures are recorded in the last minute of an hour or a quarter, once for all replicas, and read until the next', async () => {
  const labels = 'activity="casual",characters="0",country="DE",tier="free"'
  const last = (of: typeof users | typeof activeUsers) => sum(value(overTime(of)))
  const active = 'country="DE",tier="free",window="1d"'
  // One more every 5 s; the other replica is a refresh behind.
  await expectRecorded(
    recordedFiguresGroup.name,
    '30s',
    {
      [`platform_users{${labels},job="e",instance="a"}`]: '100+1x1200',
      [`platform_users{${labels},job="e",instance="b"}`]: '88+1x1200',
      [`platform_active_users{${active},job="e",instance="a"}`]: '0+1x1200',
    },
    [
      { query: overTime(users).name, at: '58m30s', samples: {} },
      { query: overTime(users).name, at: '59m30s', samples: { [`job:platform_users:max{${labels},job="e"}`]: 814 } },
      { query: last(users), at: '60m', samples: { '{}': 814 } },
      { query: last(users), at: '90m', samples: { '{}': 814 } },
      { query: last(activeUsers), at: '28m30s', samples: { '{}': 174 } },
      { query: last(activeUsers), at: '30m', samples: { '{}': 354 } },
    ],
  )
})

test('the mean of recorded rates is the rate of the range: what is counted between two of them is in one', async () => {
  const labels = 'http_request_method="GET",http_route="/",http_response_status_code="500",job="platform-api"'
  const series = `http_server_request_duration_seconds_count{${labels},instance="a"}`
  const kept = 'http_response_status_code="500",http_route="/",job="platform-api"'
  // Between two evaluations, so that none is at the beginning of the range, where only some versions count it.
  const tenths = `round(6000 * ${averageOf(requestRate, {}, '10m')})`
  const expected = [{ query: tenths, at: '20m30s', samples: { [`{${kept}}`]: 10 } }]
  // A single request, before any of the four scrapes of a minute; these are 5 s after an evaluation, 20 s and so on.
  for (const before of [57, 58, 59, 60]) {
    const scrapes = Array.from({ length: 90 }, (_, scrape) => `_ ${scrape < before ? 100 : 101} _`)
    await expectRecorded('barometer-recorded-rates-1m', '1m', { [series]: scrapes.join(' ') }, expected)
  }
})
