import { defineConfig } from 'vitest/config'
import { pureTests } from './testing/tiers.ts'

const whole = ['demo/demo.test.ts']
const long = ['**/*.long.test.ts']
const drill = ['demo/drills/drill.test.ts']
const pure = pureTests(import.meta.dirname)
const options = {
  exclude: ['node_modules/**', '.barometer/**'],
  // Real programs start in tests, on two cores.
  testTimeout: 60_000,
  hookTimeout: 120_000,
}
const withPostgres = { ...options, globalSetup: ['testing/global-setup.ts'] }
const withoutPostgres = { ...options, globalSetup: ['testing/run-directory.ts'] }

// A project's setup runs only where one of its files does. testing/tiers.ts says which tests are pure.
export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default', './testing/summary-reporter.ts'],
    projects: [
      {
        test: {
          ...withoutPostgres,
          name: 'pure',
          include: pure,
          setupFiles: ['testing/pure-setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      // The whole demo has a time to be ready in: it has the machine to itself.
      { test: { ...withoutPostgres, name: 'demo', include: whole, sequence: { groupOrder: 1 } } },
      {
        test: {
          ...withPostgres,
          name: 'parts',
          include: ['**/*.test.ts'],
          exclude: [...options.exclude, ...pure, ...whole, ...drill, ...long],
          sequence: { groupOrder: 2 },
        },
      },
      // Nothing but what it makes fail is to fail.
      { test: { ...withoutPostgres, name: 'drill', include: drill, sequence: { groupOrder: 3 } } },
      // Commands of their own, such as `npm run test:scale`.
      { test: { ...withPostgres, name: 'long', include: long, sequence: { groupOrder: 4 } } },
    ],
  },
})
