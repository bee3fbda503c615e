import { fileURLToPath } from 'node:url'
import { catalogue } from '../catalogue/index.ts'
import { readSourceFiles } from './tidy/files.ts'
import { tidy } from './tidy/rules.ts'

/** `node tools/tidy.ts`: one line for each finding, exit 1 where there is one. */
const files = readSourceFiles(fileURLToPath(new URL('..', import.meta.url)))
const findings = tidy(
  files,
  catalogue.map((metric) => metric.name),
)
for (const { path, line, message } of findings) {
  console.log(`${path}${line === undefined ? '' : `:${line}`} ${message}`)
}
process.exitCode = findings.length === 0 ? 0 : 1
