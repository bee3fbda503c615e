import type { IRegularForbiddenRuleType } from 'dependency-cruiser'

const everythingElse = [
  'catalogue',
  'lib',
  'database',
  'dashboards',
  'alerts',
  'provisioning',
  'exporter',
  'audit-api',
  'cli',
  'demo',
]

/**
 * The top folders that the code of a top folder may import from, beside its own. Tests (`*.test.ts`) may import anything.
 * Only tools/ and testing/ may import testing/.
 */
export const directions: Readonly<Record<string, readonly string[]>> = {
  catalogue: [],
  lib: [],
  database: ['lib'],
  dashboards: ['catalogue'],
  alerts: ['catalogue'],
  provisioning: [],
  exporter: ['catalogue', 'lib'],
  'audit-api': ['catalogue', 'lib'],
  cli: ['catalogue', 'lib', 'dashboards', 'alerts', 'exporter', 'audit-api'],
  demo: ['lib', 'database'],
  testing: everythingElse,
  tools: [...everythingElse, 'testing'],
  bin: ['cli', 'lib'],
  docs: ['audit-api'],
}

/** Folders that users copy into their own programs. They may import nothing of ours and no package. */
const standalone: readonly string[] = ['audit-api/client']

/**
 * Directions below a top folder: `refresh, backfill, cli -> figures -> store -> lib`. A folder that does not exist yet
 * breaks no rule.
 */
const floors: readonly { from: string; mayNotImport: readonly string[] }[] = [
  {
    from: 'exporter/store',
    mayNotImport: ['exporter/figures', 'exporter/refresh', 'exporter/backfill', 'exporter/serve', 'exporter/probes'],
  },
  {
    from: 'exporter/figures',
    mayNotImport: ['exporter/refresh', 'exporter/backfill', 'exporter/serve', 'exporter/probes'],
  },
  {
    from: 'exporter/probes',
    mayNotImport: ['exporter/figures', 'exporter/refresh', 'exporter/backfill', 'exporter/serve'],
  },
]

/** A rule of dependency-cruiser, and what a finding says was expected. */
export interface Rule extends IRegularForbiddenRuleType {
  name: string
  expected: string
}

const testFile = '\\.test\\.ts$'
const testCode = '(^|/)testing(/|\\.ts$)|-testing\\.ts$'

export const rules: readonly Rule[] = [
  {
    name: 'no-circle',
    expected: 'no circle of imports',
    from: {},
    to: { circular: true },
  },
  {
    name: 'resolvable',
    expected: 'a file of ours or an installed package',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'no-import-of-tests',
    expected: 'no import of a test file; what tests share is in testing/',
    from: {},
    to: { path: testFile, dependencyTypes: ['local'] },
  },
  {
    name: 'no-test-code-in-the-product',
    expected: 'no test code outside of tests, testing/ and tools/',
    from: { pathNot: [testFile, testCode, '^tools/', '^vitest\\.config\\.ts$'] },
    to: { path: testCode, dependencyTypes: ['local'] },
  },
  {
    name: 'catalogue-is-data',
    expected: 'nothing but catalogue/: it is pure data and imports nothing',
    from: { path: '^catalogue/', pathNot: testFile },
    to: { pathNot: '^catalogue/' },
  },
  ...standalone.map((folder) => ({
    name: `standalone-${folder}`,
    expected: `nothing but ${folder}/ and node: modules, since users copy ${folder}/ into their programs`,
    from: { path: `^${folder}/`, pathNot: testFile },
    to: { pathNot: `^${folder}/`, dependencyTypesNot: ['core' as const] },
  })),
  ...Object.entries(directions).map(([folder, allowed]) => ({
    name: `direction-${folder}`,
    expected: `only imports from ${[folder, ...allowed].map((name) => `${name}/`).join(', ')}`,
    from: { path: `^${folder}/`, pathNot: testFile },
    to: { pathNot: `^(${[folder, ...allowed].join('|')})/|^package\\.json$`, dependencyTypes: ['local' as const] },
  })),
  {
    name: 'known-folder',
    expected: 'a top folder with an entry in directions (tools/arrows/rules.ts)',
    from: { path: '/', pathNot: [testFile, `^(${Object.keys(directions).join('|')})/`] },
    to: { dependencyTypes: ['local'] },
  },
  ...floors.map(({ from, mayNotImport }) => ({
    name: `floor-${from}`,
    expected: `no import from ${mayNotImport.map((name) => `${name}/`).join(', ')} in ${from}/`,
    from: { path: `^${from}/`, pathNot: testFile },
    to: { path: `^(${mayNotImport.join('|')})/` },
  })),
]
