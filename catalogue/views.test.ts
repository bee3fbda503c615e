import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { catalogue } from './index.ts'
import { appendedBy, contract, views } from './views.ts'

/** What can be forgotten when a view is added, without a database: each message names the file to edit. */

const root = resolve(import.meta.dirname, '..')
const platform = 'database/platform'
const read = (path: string): string => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '')
const migrations = readdirSync(join(root, platform, 'migrations'))
  .map((file) => read(`${platform}/migrations/${file}`))
  .join('\n')

describe.each(views)('%s', (view) => {
  test('is over a table of the reference platform', () => {
    const path = `${platform}/views/${view}.sql`
    const sql = read(path)
    expect(sql, `${path}: does not create the view ${view}`).toContain(`VIEW barometer_source.${view} AS`)
    const [, table = ''] = /FROM platform\.(\w+)/.exec(sql) ?? []
    expect(migrations, `${platform}/migrations/: no file creates the table ${table} of ${path}`).toMatch(
      new RegExp(`CREATE TABLE ${table} \\(`),
    )
    for (const column of Object.keys(contract[view]))
      expect(sql, `${path}: does not select ${column}`).toMatch(new RegExp(`\\b${column}\\b`))
  })

  test('is read by a metric', () => {
    const readers = catalogue.filter(({ sources }) => sources.includes(view))
    expect(readers.length, `catalogue/: no metric has ${view} among its sources`).toBeGreaterThan(0)
  })

  test('has an id of its own first, and the time that its rows come by', () => {
    const path = `catalogue/views.ts: ${view}`
    const [id] = Object.values(contract[view])
    expect(id, `${path} does not begin with its own id`).toBe('id')
    expect(contract[view][appendedBy[view] ?? 'updated_at'], `${path} is followed by no instant`).toBe('instant')
  })
})
