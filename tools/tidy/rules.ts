import type { SourceFile } from './files.ts'
import { importFindings } from './imports.ts'
import { scanTypeScript, type Token } from './scan-typescript.ts'

/** What is not as the style asks: one line each. */
export interface Finding {
  path: string
  line?: number
  message: string
}

/** STYLE: more than this is a smell; a longer file is two files. */
const linesMax = 400

/**
 * Holds files against the rules of the project: directions of imports, names of files, metric names only in the
 * catalogue, length, no paths of one machine, no way around the types.
 */
export function tidy(files: readonly SourceFile[], metricNames: readonly string[]): Finding[] {
  return files.flatMap((file) => [
    ...nameFindings(file),
    ...machinePathFindings(file),
    ...(isCode(file) ? lengthFindings(file) : []),
    ...(file.path.endsWith('.sql') ? metricNameFindings(file, sqlWithoutComments(file.content), metricNames) : []),
    ...(file.path.endsWith('.ts') ? typeScriptFindings(file, metricNames) : []),
  ])
}

const isGenerated = (file: SourceFile): boolean => /(^|\/)generated\//.test(file.path)
const isCode = (file: SourceFile): boolean => /\.(ts|js|mjs|sql)$/.test(file.path) && !isGenerated(file)

function typeScriptFindings(file: SourceFile, metricNames: readonly string[]): Finding[] {
  if (isGenerated(file)) return []
  const tokens = scanTypeScript(file.content)
  // Line numbers stay right: what is taken out keeps its line breaks.
  const uncommented = tokens.map((token) => (token.kind === 'comment' ? blank(token.text) : token.text)).join('')
  return [
    ...importFindings(file, tokens),
    ...metricNameFindings(file, uncommented, metricNames),
    ...tokens.flatMap((token) => typeFindings(file, token)),
  ]
}

/** Names that tools look for in this spelling. */
const givenNames = /^(README|CHANGELOG|CONTRIBUTING|SECURITY|LICENSE|NOTICE|Dockerfile)(\.[a-z]+)*$|^\./
/** A view has the name that the source contract gives it, and its file has the view's. */
const viewFile = /(^|\/)views\/[a-z_]+\.sql$/
const kebabCase = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/

function nameFindings(file: SourceFile): Finding[] {
  return file.path
    .split('/')
    .filter((part) => !kebabCase.test(part) && !givenNames.test(part) && !viewFile.test(file.path))
    .map((part) => ({ path: file.path, message: `the name ${part} is not in kebab-case` }))
}

function lengthFindings(file: SourceFile): Finding[] {
  const lines = file.content.split('\n').length - (file.content.endsWith('\n') ? 1 : 0)
  return lines > linesMax ? [{ path: file.path, message: `${lines} lines; expected at most ${linesMax}` }] : []
}

/** Directories that stand for one person's machine; an address such as https://host/home/x is none. */
const machinePath = /(?<![\w.:/-])(?:\/(?:home|Users|root|work)\/[\w.-]+|[A-Z]:\\Users\\)/

function machinePathFindings(file: SourceFile): Finding[] {
  // A container's paths are its own, not those of a machine.
  if (/(^|\/)(Dockerfile|docker-compose(\.\w+)?\.yml)$/.test(file.path)) return []
  return file.content.split('\n').flatMap((text, index) => {
    const found = machinePath.exec(text)?.[0]
    return found === undefined
      ? []
      : [{ path: file.path, line: index + 1, message: `${found} is a path of one machine; expected a relative one` }]
  })
}

/**
 * A metric is imported, never typed again: a rename must not compile where it misses a place. Tests may hold the lines
 * of an exposition that they expect.
 */
function metricNameFindings(file: SourceFile, text: string, metricNames: readonly string[]): Finding[] {
  if (file.path.startsWith('catalogue/') || file.path.endsWith('.test.ts') || metricNames.length === 0) return []
  // The demo's platform is somebody else's program: it follows the convention and shares no code with ours.
  if (file.path.startsWith('demo/platform/')) return []
  const pattern = new RegExp(`(?<![\\w-])(?:${metricNames.join('|')})(?:_bucket|_sum|_count)?(?![\\w-])`)
  return text.split('\n').flatMap((line, index) => {
    const found = pattern.exec(line)?.[0]
    return found === undefined
      ? []
      : [
          {
            path: file.path,
            line: index + 1,
            message: `types the metric ${found}; expected its object from catalogue/`,
          },
        ]
  })
}

function typeFindings(file: SourceFile, token: Token): Finding[] {
  const pattern =
    token.kind === 'code'
      ? /(?::|\bas|<|,|\||&|=>?)\s*any\b(?!\s*[:(.])/g
      : token.kind === 'comment'
        ? /@ts-(?:ignore|expect-error|nocheck)/g
        : undefined
  if (pattern === undefined) return []
  return [...token.text.matchAll(pattern)].map((match) => ({
    path: file.path,
    line: token.line + token.text.slice(0, match.index + match[0].length).split('\n').length - 1,
    message:
      token.kind === 'code'
        ? 'uses the type any; expected the real one, or unknown'
        : `uses ${match[0]}; expected types that fit`,
  }))
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ')

function sqlWithoutComments(text: string): string {
  return text.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, blank)
}
