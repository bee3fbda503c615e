import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const page = readFileSync(resolve(root, 'docs', 'security.md'), 'utf8')
const named = [...page.matchAll(/`([^`\s]+\.test\.ts) › ([^`]+)`/g)].map(([, file = '', title = '']) => ({
  file,
  title,
}))

/** The first words of tests and groups, and of the rows of a table of tests. */
function titlesIn(source: string): string[] {
  return [
    ...source.matchAll(
      /(?:test|describe)(?:\.\w+)?\(\s*(['"`])(.*?)\1|^\s*\[?\s*(['"])(.*?)\3,|\)\(\s*(['"`])(.*?)\5,/gm,
    ),
  ].map((match) => match[2] ?? match[4] ?? match[6] ?? '')
}

test('the page names tests for what it says', () => {
  expect(named.length).toBeGreaterThan(35)
  // Nothing that is meant as a test is written in another way.
  expect(page.match(/›/g)).toHaveLength(named.length)
})

test.each(named)('$file has the test "$title"', ({ file, title }) => {
  expect(existsSync(resolve(root, file)), file).toBe(true)
  expect(titlesIn(readFileSync(resolve(root, file), 'utf8'))).toContain(title)
})

test('every row of a table of the page has its test', () => {
  const rows = page.split('\n').filter((line) => /^\| (?!wants|role|---)/.test(line))
  const threats = rows.slice(
    0,
    rows.findIndex((line) => line.startsWith("| the platform's owner")),
  )
  expect(threats.length).toBeGreaterThan(25)
  for (const row of threats) expect(row).toContain('.test.ts › ')
})
