import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', '.barometer/**'],
    globalSetup: ['testing/global-setup.ts'],
    // Real programs start in tests, on two cores.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    reporters: ['default', './testing/summary-reporter.ts'],
  },
})
