export interface BenchOptions {
  /** A fiftieth of the size, for a look. */
  small: boolean
  /** Says how far it has come, a line each. */
  say: (line: string) => void
}

export interface BenchResult {
  /** Markdown, for the page and the terminal. */
  report: string
  /** By the key under which a machine looks for it. */
  figures: Readonly<Record<string, number>>
}

export interface Bench {
  name: string
  title: string
  summary: string
  /** Loaded when it is asked for: each needs libraries of its own. */
  load: () => Promise<(options: BenchOptions) => Promise<BenchResult>>
}
