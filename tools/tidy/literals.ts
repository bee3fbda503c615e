import { parseSync } from '@swc/core'

/** The text of every string and of every part of a template in TypeScript; comments and code are left out. */
export function literalsOf(source: string): string[] {
  const found: string[] = []
  collect(parseSync(source, { syntax: 'typescript', target: 'es2024' }).body, found)
  return found
}

function collect(node: unknown, found: string[]): void {
  if (Array.isArray(node)) for (const item of node) collect(item, found)
  else if (typeof node === 'object' && node !== null) {
    const { type, value, raw } = node as { type?: unknown; value?: unknown; raw?: unknown }
    if (type === 'StringLiteral' && typeof value === 'string') found.push(value)
    else if (type === 'TemplateElement' && typeof raw === 'string') found.push(raw)
    else for (const child of Object.values(node)) collect(child, found)
  }
}
