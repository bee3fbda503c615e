import { expect, test } from 'vitest'
import { catalogue } from '../catalogue/index.ts'
import { barometer, oneLine } from '../testing/cli.ts'
import { createPlatformDatabase } from '../testing/platform.ts'

test('explain gives the definition, the plain SQL, and what a refresh runs, without a database', async () => {
  const { stdout, exitCode } = await barometer(['explain', 'platform_subscriptions'])
  expect(exitCode).toBe(0)
  expect(stdout).toContain('Subscriptions begun and not ended, whatever the status.')
  expect(stdout).toMatch(/-- plain SQL over the views, which defines the figure\nSELECT/)
  expect(stdout).toMatch(/-- the same, read from the store at each refresh\nSELECT [^;]*rollup_subscriptions/)
  for (const part of ['feed users', 'feed subscriptions', 'account', 'subscription', 'subscriber'])
    expect(stdout).toContain(`-- ${part}: refresh: `)
  expect(stdout).not.toContain('feed generations')
})

test('explain says how the figure stands in the store', async () => {
  const platform = await createPlatformDatabase()
  try {
    const environment = { DATABASE_URL: platform.exporterUrl }
    const before = await barometer(['explain', 'platform_images'], environment)
    expect(before.stdout).toContain('The schema barometer holds no store yet')
    expect(await barometer(['metrics'], environment)).toMatchObject({ exitCode: 0 })
    const after = await barometer(['explain', 'platform_images'], environment)
    expect(after).toMatchObject({ exitCode: 0, stderr: '' })
    expect(after.stdout).toMatch(/ {2}\* generation: built/)
    expect(after.stdout).toMatch(/ {4}feed generations: built, read up to \d{4}-/)
    expect(after.stdout).toMatch(/The newest snapshot has it as of .*; its last run succeeded\./)
  } finally {
    await platform.drop()
  }
})

test('explain says of a metric that is not computed from the database where it comes from', async () => {
  const probe = catalogue.find(({ exposition }) => exposition === 'probes')
  const { stdout, exitCode } = await barometer(['explain', probe?.name ?? ''])
  expect(exitCode).toBe(0)
  expect(stdout).toContain(`From ${probe?.owner}.`)
  expect(stdout).not.toContain('SELECT')
})

test('a name that is no metric gets the nearest one', async () => {
  expect(oneLine(await barometer(['explain', 'platform_imges']), 2)).toBe(
    'there is no metric platform_imges; expected a name from docs/metrics.md. Did you mean platform_images?',
  )
})
