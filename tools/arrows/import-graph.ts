import { cruise, type ICruiseResult, type IModule, type IViolation } from 'dependency-cruiser'
import { pathsUnder } from '../tidy/files.ts'
import { rules as ourRules, type Rule } from './rules.ts'

export interface ImportGraph {
  /** What each of our files imports, type-only imports included. Paths from the root, with slashes. */
  files: ReadonlyMap<string, readonly Import[]>
  /** Where a rule is broken, as dependency-cruiser says it. */
  violations: readonly IViolation[]
}

export interface Import {
  /** The imported file from the root, or where the package is below node_modules/. */
  to: string
  /** The name of the package, such as `@scope/name`; undefined for a file of ours and for a module of Node. */
  packageName?: string
}

/** Reads the imports of all sources under the root with dependency-cruiser, and holds them against the rules. */
export async function readImportGraph(root: string, rules: readonly Rule[] = ourRules): Promise<ImportGraph> {
  const sources = pathsUnder(root, '').filter((path) => /\.(ts|js|mjs)$/.test(path) && !/\.d\.ts$/.test(path))
  const { output } = await cruise(
    sources,
    {
      baseDir: root,
      // TypeScript 7 has no API in JavaScript, and acorn reads no types: swc sees type-only imports too.
      parser: 'swc',
      moduleSystems: ['es6'],
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '^(?!node_modules/).*\\.d\\.ts$' },
      validate: true,
      ruleSet: { forbidden: rules.map(({ expected: _, ...rule }) => ({ severity: 'error', ...rule })) },
    },
    { exportsFields: ['exports'], conditionNames: ['node', 'import', 'types', 'default'] },
  )
  if (typeof output === 'string') throw new Error('dependency-cruiser answered with a text; expected its result')
  return { files: new Map(ownFiles(output)), violations: output.summary.violations }
}

function ownFiles({ modules }: ICruiseResult): [string, Import[]][] {
  return modules
    .filter(
      ({ source, coreModule, couldNotResolve }) =>
        !(source.startsWith('node_modules/') || coreModule || couldNotResolve),
    )
    .map((module): [string, Import[]] => [module.source, importsOf(module)])
    .sort(([one], [other]) => (one < other ? -1 : 1))
}

const importsOf = ({ dependencies }: IModule): Import[] =>
  dependencies
    .filter(({ coreModule }) => !coreModule)
    .map(({ module, resolved }) => {
      const packageName = /^(?:@[^/]+\/)?[^./][^/]*/.exec(module)?.[0]
      return packageName === undefined ? { to: resolved } : { to: resolved, packageName }
    })
