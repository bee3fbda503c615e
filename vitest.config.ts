import { defineConfig } from 'vitest/config'

const whole = ['demo/demo.test.ts']
const long = ['**/*.long.test.ts']
const drill = ['demo/drills/drill.test.ts']
const options = {
  exclude: ['node_modules/**', '.barometer/**'],
  // Real programs start in tests, on two cores.
  testTimeout: 60_000,
  hookTimeout: 120_000,
}

export default defineConfig({
  test: {
    globalSetup: ['testing/global-setup.ts'],
    maxWorkers: 2,
    reporters: ['default', './testing/summary-reporter.ts'],
    projects: [
      // The whole demo has a time to be ready in: it has the machine to itself.
      { test: { ...options, name: 'demo', include: whole, sequence: { groupOrder: 0 } } },
      {
        test: {
          ...options,
          name: 'parts',
          include: ['**/*.test.ts'],
          exclude: [...options.exclude, ...whole, ...drill, ...long],
          sequence: { groupOrder: 1 },
        },
      },
      // Nothing but what it makes fail is to fail.
      { test: { ...options, name: 'drill', include: drill, sequence: { groupOrder: 2 } } },
      // Commands of their own, such as `npm run test:scale`.
      { test: { ...options, name: 'long', include: long, sequence: { groupOrder: 3 } } },
    ],
  },
})
