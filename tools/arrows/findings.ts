import type { IViolation } from 'dependency-cruiser'
import { type FolderCircle, folderCircles } from './folder-circles.ts'
import type { ImportGraph } from './import-graph.ts'
import { rules } from './rules.ts'

/** One line for each import that breaks a rule: the file, what it imports, and what was expected. */
export function arrowFindings({ files, violations }: ImportGraph): string[] {
  const code = [...files].filter(([path]) => !path.endsWith('.test.ts'))
  const imports = new Map(code.map(([path, imported]) => [path, imported.map(({ to }) => to)]))
  return [...violations.map(describeViolation), ...folderCircles(imports).flatMap(describeCircle)].sort()
}

function describeViolation({ from, to, unresolvedTo, rule, cycle }: IViolation): string {
  const expected = rules.find(({ name }) => name === rule.name)?.expected
  const around =
    cycle === undefined ? '' : `, which leads back to it (${[from, ...cycle.map(({ name }) => name)].join(' -> ')})`
  const isOurs = !to.startsWith('node_modules/') && to.includes('/')
  return `${from} imports ${isOurs ? to : (unresolvedTo ?? to)}${around}; expected ${expected}`
}

function describeCircle({ folder, back, others }: FolderCircle): string[] {
  const because = others.map(({ imports }) => `${imports[0]?.file} imports ${imports[0]?.imports}`).join(', ')
  return back.imports.map(
    ({ file, imports }) =>
      `${file} imports ${imports}; expected no arrow from ${back.from} back up to ${back.to} in ${folder || 'the root'}, since ${because}`,
  )
}
