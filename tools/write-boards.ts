import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { dashboards } from '../dashboards/index.ts'
import { readSettings } from '../lib/settings.ts'
import { messageOf } from '../lib/user-error.ts'

const usage = `Usage: node tools/write-boards.ts --out DIRECTORY [--trace-url URL]

Writes the boards for one installation: the quick actions lead to ADMIN_APP_URL, ids of traces are put behind --trace-url.`

function writeBoards(): void {
  const options = { out: { type: 'string' }, 'trace-url': { type: 'string' }, help: { type: 'boolean' } } as const
  const { values } = parseArgs({ options })
  if (values.help || values.out === undefined) {
    console.log(usage)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const { ADMIN_APP_URL: adminAppUrl } = readSettings(process.env)
  mkdirSync(values.out, { recursive: true })
  for (const { uid, build } of dashboards) {
    const path = join(resolve(values.out), `${uid}.json`)
    writeFileSync(path, `${JSON.stringify(build({ adminAppUrl, traceUrl: values['trace-url'] }), null, 2)}\n`)
    console.log(`wrote ${path}`)
  }
}

try {
  writeBoards()
} catch (error) {
  console.error(messageOf(error))
  process.exitCode = 2
}
