import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { type Import, readImportGraph } from './arrows/import-graph.ts'
import { copiedFiles, entryPoints } from './image/copied-files.ts'
import { imageFindings } from './image/findings.ts'

const root = resolve(import.meta.dirname, '..')

/** Data that is read whole, whatever a program uses of it. */
const isData = (file: string): boolean => file.startsWith('catalogue/')

const copied = copiedFiles(root)

test('the image contains what its entry points use, and no test code; its packages are production dependencies', async () => {
  const { files } = await readImportGraph(root, [])
  const { dependencies, bin }: { dependencies: object; bin: Record<string, string> } = JSON.parse(
    readFileSync(resolve(root, 'package.json'), 'utf8'),
  )
  const scripts = entryPoints(root)
  expect(scripts).toContain('cli/main.ts')
  expect(scripts).toContain('demo/compose/install.ts')
  // Users copy the client out of the image or the checkout.
  const handedOut = [...Object.values(bin), 'audit-api/client/client.ts', ...copied.filter(isData)]
  const findings = imageFindings({
    copied,
    imports: files,
    entryPoints: [...scripts, ...handedOut],
    dependencies: Object.keys(dependencies),
  })
  expect(findings.join('\n')).toBe('')
})

test('data that programs read goes in: migrations, views, rules, the flags of Node', () => {
  for (const file of [
    'package.json',
    'audit-api/migrations/',
    'exporter/store/migrations/',
    'database/platform/views/users.sql',
    'alerts/generated/barometer-api.yml',
    'lib/node-runtime.js',
  ]) {
    expect(
      copied.some((path) => path.startsWith(file)),
      file,
    ).toBe(true)
  }
  expect(copied.filter((file) => file.endsWith('.test.ts') || file.startsWith('demo/launcher'))).toEqual([])
})

const imports = new Map<string, Import[]>([
  ['cli/main.ts', [{ to: 'lib/log.ts' }, { to: 'node_modules/pino/pino.js', packageName: 'pino' }]],
  ['lib/log.ts', []],
  ['exporter/brute-force.ts', [{ to: 'node_modules/fast-check/index.js', packageName: 'fast-check' }]],
])
const image = { imports, entryPoints: ['cli/main.ts'], dependencies: ['pino'] }

test('a second implementation in a product folder is found, and the package that only tests have', () => {
  expect(imageFindings({ ...image, copied: ['cli/main.ts', 'exporter/brute-force.ts', 'lib/log.ts'] })).toEqual([
    'exporter/brute-force.ts is in the image, and no entry point imports it; expected it in testing/, or not copied',
    'exporter/brute-force.ts imports fast-check; expected a package of "dependencies" in package.json',
  ])
})

test('a file of tests, a file that is missing, and a dependency that nothing imports are found', () => {
  const dependencies = ['pino', 'yaml']
  expect(imageFindings({ ...image, dependencies, copied: ['cli/golden/help.txt', 'cli/main.ts'] })).toEqual([
    'cli/golden/help.txt is in the image; expected no file of tests',
    'lib/log.ts is imported in the image and not in it; expected a COPY line in the Dockerfile',
    'no code in the image imports yaml; expected it in "devDependencies" of package.json',
  ])
})
