import { fileURLToPath } from 'node:url'
import { arrowFindings } from './arrows/findings.ts'
import { readImportGraph } from './arrows/import-graph.ts'

/** `node tools/arrows.ts`: one line for each import that may not be, exit 1 where there is one. */
const findings = arrowFindings(await readImportGraph(fileURLToPath(new URL('..', import.meta.url))))
for (const finding of findings) console.log(finding)
process.exitCode = findings.length === 0 ? 0 : 1
