import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'

/**
 * `npm run audit:dependencies`: asks the registry what is known to be wrong with the versions of the lockfile. Exit 1 where
 * something is of high or critical severity; 0 with a line that says so where the registry does not answer such questions,
 * as mirrors often do not.
 */
const Via = Type.Object({ title: Type.String(), url: Type.String(), severity: Type.String() })
const report = Compile(
  Type.Object({
    vulnerabilities: Type.Record(
      Type.String(),
      Type.Object({
        name: Type.String(),
        severity: Type.String(),
        /** What is known of it, or the name of the dependency that it has it from. */
        via: Type.Array(Type.Union([Type.String(), Via])),
      }),
    ),
    metadata: Type.Object({ dependencies: Type.Object({ total: Type.Integer() }) }),
  }),
)
const failing: readonly string[] = ['high', 'critical']

const root = resolve(import.meta.dirname, '..')
const { stdout, error } = spawnSync('npm', ['audit', '--json', '--package-lock-only', '--fetch-retries=1'], {
  cwd: root,
  encoding: 'utf8',
  timeout: 120_000,
  maxBuffer: 100_000_000,
})
const answer = parsed(stdout)
if (!report.Check(answer)) {
  console.log(`dependency audit: skipped, since the registry does not answer it: ${error?.message ?? reasonOf(answer)}`)
  process.exit(0)
}
const found = Object.values(answer.vulnerabilities).toSorted((one, other) => (one.name < other.name ? -1 : 1))
for (const { name, severity, via } of found) {
  const reasons = via.map((one) => (typeof one === 'string' ? `by ${one}` : `${one.title}, ${one.url}`))
  console.log(`${name}: ${severity}: ${reasons.join('; ')}`)
}
const bad = found.filter(({ severity }) => failing.includes(severity)).length
console.log(
  `dependency audit: ${answer.metadata.dependencies.total} dependencies, ${found.length} with something known, ${bad} of high or critical severity; expected none`,
)
process.exit(bad === 0 ? 0 : 1)

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

/** What npm says instead of a report, without the registry's address. */
function reasonOf(thrown: unknown): string {
  const message =
    typeof thrown === 'object' && thrown !== null && 'message' in thrown ? String(thrown.message) : 'no report'
  return message
    .replace(/ - [A-Z]+ \S+:\/\/\S+/, '')
    .replaceAll(/\S+:\/\/\S+/g, '(address)')
    .replaceAll(/\s+/g, ' ')
}
