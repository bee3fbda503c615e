import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node'

/** Prints what was skipped and why, and as the very last line `N passed, N failed, N skipped`. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: TestRunEndReason): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 }
    const skipped: string[] = []
    for (const module of modules) {
      // A hook or an import that failed takes its tests with it.
      if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) count.failed += 1
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') count.passed += 1
        else if (result.state === 'failed') count.failed += 1
        else {
          count.skipped += 1
          const why = 'note' in result && result.note ? result.note : 'no reason given'
          skipped.push(`skipped: ${module.relativeModuleId} > ${test.fullName}: ${why}`)
        }
      }
    }
    // What failed before any test, such as the start of Postgres, is not in the errors.
    if (reason !== 'passed') count.failed = Math.max(count.failed, 1)
    // After the default reporter's own summary, whatever the order of the two.
    process.once('exit', () => {
      for (const line of skipped) console.log(line)
      console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
    })
  }
}
