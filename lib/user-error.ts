/**
 * What a person did or configured that cannot work. Its message is one line that names the thing, what was found and
 * what was expected, and never a secret; entry points print it without a stack trace.
 */
export class UserError extends Error {
  override readonly name = 'UserError'
  /** 2 is bad configuration, 1 anything else that is broken (the codes of `barometer check`). */
  readonly exitCode: number

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.exitCode = options.exitCode ?? 2
  }
}

/** The message of anything thrown, on one line, for logs and for people. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return messageOf(thrown.errors[0])
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
  return text.replace(/\s+/g, ' ').trim()
}
