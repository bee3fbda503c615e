import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { testDirectory } from '../../testing/directory.ts'
import { shortFaults } from './faults.ts'

const drill = resolve(import.meta.dirname, '..', 'drill.ts')

interface Ended {
  code: number
  output: string
}

/** Runs the drill to its end. Late pages are exit code 1 as well, so the figures are looked at instead. */
const runDrill = (...words: string[]): Promise<Ended> =>
  new Promise((done) => {
    execFile(process.execPath, [drill, ...words], (error, stdout, stderr) =>
      done({ code: typeof error?.code === 'number' ? error.code : Number(error !== null), output: stdout + stderr }),
    )
  })

// How soon they come is for a machine that does nothing else: npm run drill.
test('a killed S3, a GPU that does not come and a killed audit API page once each, resolve, and nothing else pages', async () => {
  const directory = testDirectory('drill')
  const json = join(directory, 'figures.json')
  const { output } = await runDrill('--short', '--json', json, '--directory', join(directory, 'run'))
  const figures: Record<string, number> = JSON.parse(readFileSync(json, 'utf8'))
  for (const key of shortFaults) {
    expect(figures[`drill.${key}.pages`], `${key}\n${output}`).toBe(1)
    expect(figures[`drill.${key}.resolveSeconds`], `${key}\n${output}`).toBeGreaterThan(0)
    expect(figures[`drill.${key}.others`], `${key}\n${output}`).toBe(0)
  }
}, 900_000)

test('an unknown fault, a wrong number of stacks and a table without figures are refused by name', async () => {
  const refused: [string[], string][] = [
    [['--only', 'redis,postgress'], '--only postgress: no such fault'],
    [['--stacks', '9'], '--stacks 9; expected a number from 1 to 4'],
    [['--write-table'], '--write-table: expected --json FILE too'],
    [['--fast'], "Unknown option '--fast'"],
  ]
  for (const [words, line] of refused) {
    const { code, output } = await runDrill(...words)
    expect(output).toContain(line)
    expect(output.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(2)
  }
})
