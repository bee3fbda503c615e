import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { expect } from 'vitest'
import { views } from '../../catalogue/views.ts'
import type { CheckReport } from '../../cli/check/report.ts'
import { parseExposition, type Reading } from '../../cli/exposition.ts'
import { roleUrl } from '../../database/platform/install.ts'
import { barometer } from '../cli.ts'
import { createDatabase, testDirectory } from '../database.ts'

export const page = readFileSync(resolve(import.meta.dirname, '../../docs/adopting.md'), 'utf8')

/** The views that the page's platforms are shown with. Another one these platforms have no table for, and it is deleted. */
export const onPage: readonly string[] = views.filter((view) =>
  new RegExp(`^${view} +(?:found|guessed|left)`, 'm').test(page),
)

/** The SQL of docs/adopting.md below `<!-- who: what -->`. */
export function block(who: string, what: string): string {
  const found = new RegExp(`<!-- ${who}: ${what} -->\n\n\`\`\`sql\n([\\s\\S]*?)\`\`\`\n`).exec(page)?.[1]
  if (found === undefined) throw new Error(`the page has no SQL for ${who}: ${what}`)
  return found
}

interface Edits {
  deleted: readonly string[]
  /** Left without a row, and without the comment that says so. */
  emptied: readonly string[]
  changed: ReadonlyMap<string, string>
}

/** What the page says that a walk changes in the drafted file, by view. */
function editsOf(walk: string): Edits {
  const listed = (what: string): string[] =>
    new RegExp(`<!-- ${walk}: ${what} ([a-z_, ]+) -->`).exec(page)?.[1]?.split(', ') ?? []
  const named = [...page.matchAll(new RegExp(`<!-- ${walk}: ([a-z_]+) -->`, 'g'))].map((match) => match[1] ?? '')
  return {
    deleted: [...listed('delete'), ...views.filter((view) => !onPage.includes(view))],
    emptied: listed('empty'),
    changed: new Map(named.map((view) => [view, block(walk, view)])),
  }
}

/** The drafted file as an adopter edits it: views deleted, made anew, or single columns of them. */
function edit(file: string, { deleted, emptied, changed }: Edits): string {
  return file.replaceAll(/(?:^-- .*\n)+CREATE VIEW \w+\.(\w+) AS\n[\s\S]*?;\n(?=\n)/gm, (section, view: string) => {
    if (deleted.includes(view)) return ''
    if (emptied.includes(view)) return section.replace(/^COMMENT.*\n/m, '')
    const change = changed.get(view)
    if (change === undefined) return section
    return change.startsWith('CREATE VIEW') ? change : entriesOf(change).reduce(withEntry, section)
  })
}

/** A column of a view: its lines to the one that ends in its name. */
const entryEnd = / AS "?(\w+)"?,?(?: --.*)?$/

function entriesOf(text: string): string[] {
  const entries: string[] = []
  let lines: string[] = []
  for (const line of text.trimEnd().split('\n')) {
    lines.push(line)
    // Within brackets and CASE lines are deeper.
    if (entryEnd.test(line) && /^ {2}\S/.test(line)) {
      entries.push(lines.join('\n'))
      lines = []
    }
  }
  return entries
}

function withEntry(section: string, entry: string): string {
  const name = entryEnd.exec(entry)?.[1]
  const [head = '', body = ''] = section.split(/(?<=^SELECT\n)/m)
  const old = entriesOf(body).find((candidate) => entryEnd.exec(candidate)?.[1] === name)
  if (old === undefined) throw new Error(`the draft has no column ${name}`)
  return head + body.replace(old, () => entry)
}

/** 5 min: the walk starts the command line four times, beside whatever else the machine does. */
export const walkTimeoutMs = 300_000

/** `init → half-done → edited → history → indexes → check`, as the page says it, by roles without rights beyond theirs. */
export async function walk(name: 'prisma' | 'stripe', subscriptions: string) {
  const database = await createDatabase()
  const [ownerRole, role] = [`owner_${database.name}`, `reader_${database.name}`]
  await database.pool.query(
    `CREATE ROLE ${ownerRole} LOGIN CREATEROLE; ALTER DATABASE ${database.name} OWNER TO ${ownerRole};
      ALTER DATABASE ${database.name} SET timezone = 'America/New_York'`,
  )
  const ownerUrl = roleUrl(database.url, ownerRole)
  const readerUrl = roleUrl(database.url, role)
  const owner = new pg.Pool({ connectionString: ownerUrl, max: 1 })
  await owner.query(readFileSync(resolve(import.meta.dirname, `${name}.sql`), 'utf8'))
  const directory = testDirectory(`adopting-${name}`)
  const output = join(directory, 'views.sql')
  const init = await barometer(['init', '--output', output, '--role', role], { DATABASE_URL: ownerUrl })
  const draft = readFileSync(output, 'utf8')
  await owner.query(draft)
  const halfDone = await check(readerUrl)

  const edits = editsOf(name)
  await owner.query(edit(draft, edits))
  await owner.query(block('snippet', 'history'))
  await owner.query(block('snippet', 'history trigger').replace('"Subscription"', subscriptions))
  const history: [string, string] = ['subscription_events', block('both', 'subscription_events')]
  const finished = edit(draft, { ...edits, changed: new Map([...edits.changed, history]) })
  writeFileSync(output, finished)
  await owner.query(finished)
  const unindexed = await check(readerUrl)
  const statements = unindexed.report.views.flatMap(({ indexes }) => indexes.flatMap(({ create }) => create))
  for (const statement of new Set(statements)) await owner.query(statement)
  await owner.query('ANALYZE')
  const done = await check(readerUrl)
  return { database, owner, readerUrl, init, halfDone, unindexed, done, roles: [ownerRole, role] }
}

export type Walk = Awaited<ReturnType<typeof walk>>

async function check(url: string): Promise<{ exitCode: number | null; report: CheckReport }> {
  const ran = await barometer(['check', '--json'], { DATABASE_URL: url })
  expect(ran.stderr).toBe('')
  return { exitCode: ran.exitCode, report: JSON.parse(ran.stdout) }
}

export const problemsOf = (report: CheckReport): string[] =>
  report.views.flatMap(({ view, problems }) => (onPage.includes(view) ? problems : []))

export async function figures(url: string): Promise<Reading[]> {
  const ran = await barometer(['metrics'], { DATABASE_URL: url })
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' })
  return parseExposition(ran.stdout)
}

/** The sum of a metric over its series with these labels. */
export function sumOf(samples: readonly Reading[], name: string, labels: Record<string, string>): number {
  const matching = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  return Math.round(matching.reduce((sum, { value }) => sum + value, 0) * 100) / 100
}

/** A figure, and the plain SQL over the platform's own tables that it must equal. */
export type Figure = [name: string, labels: Record<string, string>, sql: string]

export async function compare(walked: Walk, samples: readonly Reading[], expected: readonly Figure[]): Promise<void> {
  const [found, wanted]: Record<string, number>[] = [{}, {}]
  for (const [name, labels, sql] of expected) {
    const { rows } = await walked.owner.query<{ value: string }>(`SELECT coalesce((${sql}), 0)::float8 AS value`)
    const key = `${name}${JSON.stringify(labels)}`
    if (wanted !== undefined) wanted[key] = Number(rows[0]?.value)
    if (found !== undefined) found[key] = sumOf(samples, name, labels)
  }
  expect(found).toEqual(wanted)
  // Figures of 0 would equal anything that is missing on both sides.
  expect(Object.entries(wanted ?? {}).filter(([, value]) => value === 0)).toEqual([])
}

export async function close({ database, owner, roles }: Walk): Promise<void> {
  await owner.end()
  await database.drop()
  const cleaner = await createDatabase()
  await cleaner.pool.query(roles.map((role) => `DROP ROLE ${role}`).join('; '))
  await cleaner.drop()
}
