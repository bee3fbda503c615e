import type { SourceFile } from './files.ts'
import { literalsOf } from './literals.ts'

/** What is not as the style asks: one line each. */
export interface Finding {
  path: string
  line?: number
  message: string
}

/** STYLE: more than this is a smell; a longer file is two files. */
const linesMax = 400

/**
 * Holds files against the rules of the project: names of files, metric names only in the catalogue, length, no paths of
 * one machine, no comment that switches types off. tools/arrows.ts holds the imports, biome the rest.
 */
export function tidy(files: readonly SourceFile[], metricNames: readonly string[]): Finding[] {
  return files.flatMap((file) => [
    ...nameFindings(file),
    ...machinePathFindings(file),
    ...(isCode(file) ? lengthFindings(file) : []),
    ...metricNameFindings(file, metricNames),
    ...(file.path.endsWith('.ts') ? typeFindings(file) : []),
  ])
}

const isGenerated = (file: SourceFile): boolean => /(^|\/)generated\//.test(file.path)
const isCode = (file: SourceFile): boolean => /\.(ts|js|mjs|sql)$/.test(file.path) && !isGenerated(file)

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
function metricNameFindings(file: SourceFile, metricNames: readonly string[]): Finding[] {
  if (file.path.startsWith('catalogue/') || file.path.endsWith('.test.ts') || isGenerated(file)) return []
  // The demo's platform is somebody else's program: it follows the convention and shares no code with ours.
  if (file.path.startsWith('demo/platform/') || !/\.(ts|sql)$/.test(file.path)) return []
  const pattern = new RegExp(`(?<![\\w-])(?:${metricNames.join('|')})(?:_bucket|_sum|_count)?(?![\\w-])`, 'g')
  // Few files have a name at all, and most of these in a comment: only they are parsed.
  if (metricNames.length === 0 || !pattern.test(file.content)) return []
  const texts = file.path.endsWith('.sql') ? [sqlWithoutComments(file.content)] : literalsOf(file.content)
  const found = new Set(texts.flatMap((text) => text.match(pattern) ?? []))
  return [...found].map((name) => ({
    path: file.path,
    line: lineOf(name, file.content),
    message: `types the metric ${name}; expected its object from catalogue/`,
  }))
}

/** The first line that has the text and is no line of a comment. */
function lineOf(text: string, content: string): number {
  return content.split('\n').findIndex((line) => line.includes(text) && !/^\s*(\/\/|\/?\*|--)/.test(line)) + 1
}

function typeFindings(file: SourceFile): Finding[] {
  return file.content.split('\n').flatMap((line, index) => {
    const found = /\/[/*]+\s*(@ts-(?:ignore|expect-error|nocheck))/.exec(line)?.[1]
    return found === undefined
      ? []
      : [{ path: file.path, line: index + 1, message: `uses ${found}; expected types that fit` }]
  })
}

const sqlWithoutComments = (text: string): string => text.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '')
