// How Node runs a service; JavaScript, since the Node that reads it first may be one that takes no TypeScript.

// Rows that stream through are garbage at once. Left alone, V8 gives them up to 48 MB of room before it looks, and an export
// held 90 MB more than an idle service; with 2 MB it was 16 MB more.
export const nodeFlags = ['--max-semi-space-size=2']

// glibc gives each thread memory of its own, up to eight times the cores, and what one let go the others do not use: an idle
// audit API held 20 MB more, and its exports 20 MB more again. Other C libraries do not know the variable.
export const nodeEnvironment = { MALLOC_ARENA_MAX: '2' }
