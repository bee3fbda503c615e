import type { Reporter, TestModule } from 'vitest/node'

/** Prints what was skipped, and as the very last line `N passed, N failed, N skipped`. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 }
    const skipped: string[] = []
    for (const module of modules) {
      if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) count.failed += 1
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') count.passed += 1
        else if (state === 'failed') count.failed += 1
        else {
          count.skipped += 1
          skipped.push(`skipped: ${module.relativeModuleId} > ${test.fullName}`)
        }
      }
    }
    // After the default reporter's own summary, whatever the order of the two.
    process.once('exit', () => {
      for (const line of skipped) console.log(line)
      console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
    })
  }
}
