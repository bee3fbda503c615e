import type { BuildProgress } from '../exporter/store/progress.ts'

/** 10 s: often enough in a log to see that it goes on. */
const lineMs = 10_000
const width = 30

/**
 * Shows how a build of the store goes: a bar that is drawn over itself on a terminal, a line now and then elsewhere.
 * @param write a text to the stream, as it is
 */
export function showBuild(options: { isTerminal: boolean; write: (text: string) => void; nowMs: () => number }): {
  show(progress: BuildProgress): void
  end(): void
} {
  let shownMs = options.nowMs()
  let drawn = false
  return {
    show: (progress) => {
      if (options.isTerminal) {
        options.write(`\r${barOf(progress.fraction)} ${described(progress)}\u001b[K`)
        drawn = true
        return
      }
      if (options.nowMs() - shownMs < lineMs) return
      shownMs = options.nowMs()
      options.write(`barometer: history is being built: ${described(progress)}\n`)
    },
    end: () => {
      if (drawn) options.write('\r\u001b[K')
    },
  }
}

function barOf(fraction: number): string {
  const full = Math.round(fraction * width)
  return `[${'='.repeat(full)}${' '.repeat(width - full)}]`
}

function described({ fraction, secondsLeft, parts }: BuildProgress): string {
  const left = secondsLeft === undefined ? '' : `, about ${Math.ceil(secondsLeft)} s left`
  return `${Math.round(fraction * 100)} % (${parts.join(', ')})${left}`
}
