/** A stretch of source text: code, a comment, or the inside of a string, template or regular expression. */
export interface Token {
  kind: 'code' | 'comment' | 'string' | 'template' | 'pattern'
  text: string
  /** Line of its first character, from 1. */
  line: number
}

/**
 * Cuts TypeScript into code, comments and literals, so that a rule on code is not fooled by a comment and the other way
 * round. Not a parser: it knows just enough of the syntax for that. What stands in `${…}` of a template is code.
 */
export function scanTypeScript(source: string): Token[] {
  const tokens: Token[] = []
  /** How many braces are open in the code of each template that is under way, the innermost last. */
  const templates: number[] = []
  let code = ''
  let line = 1
  let position = 0
  const push = (kind: Token['kind'], text: string, startLine: number): void => {
    tokens.push({ kind, text, line: startLine })
  }
  const flush = (): void => {
    if (code !== '') push('code', code, line - newlines(code))
    code = ''
  }
  const take = (kind: Exclude<Token['kind'], 'code'>, length: number): void => {
    flush()
    const text = source.slice(position, position + length)
    push(kind, text, line)
    line += newlines(text)
    position += length
  }
  const takeTemplate = (): void => {
    const { length, opens } = templatePart(source, position + 1)
    if (opens) templates.push(0)
    take('template', length + 1)
  }
  while (position < source.length) {
    const kind = literalAt(source, position, code, tokens.at(-1))
    const character = source[position] ?? ''
    if (kind !== undefined) take(kind.kind, kind.length)
    else if (character === '`') takeTemplate()
    else if (character === '}' && templates.at(-1) === 0) {
      templates.pop()
      takeTemplate()
    } else {
      if (templates.length > 0 && (character === '{' || character === '}')) {
        templates.push((templates.pop() ?? 0) + (character === '{' ? 1 : -1))
      }
      code += character
      if (character === '\n') line += 1
      position += 1
    }
  }
  flush()
  return tokens
}

const patterns = {
  lineComment: /\/\/[^\n]*/y,
  blockComment: /\/\*[\s\S]*?(?:\*\/|$)/y,
  single: /'(?:[^'\\\n]|\\[\s\S])*'?/y,
  double: /"(?:[^"\\\n]|\\[\s\S])*"?/y,
  regex: /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y,
} as const

type Literal = { kind: Exclude<Token['kind'], 'code'>; length: number } | undefined

/** A comment, string or regular expression that begins here; templates are the caller's. */
function literalAt(source: string, position: number, before: string, last: Token | undefined): Literal {
  const here = source.startsWith.bind(source)
  const found = (kind: Exclude<Token['kind'], 'code'>, pattern: RegExp): Literal => {
    pattern.lastIndex = position
    const match = pattern.exec(source)
    return match === null ? undefined : { kind, length: match[0].length }
  }
  if (here('//', position)) return found('comment', patterns.lineComment)
  if (here('/*', position)) return found('comment', patterns.blockComment)
  if (here("'", position)) return found('string', patterns.single)
  if (here('"', position)) return found('string', patterns.double)
  return here('/', position) && regexMayBegin(before, last) ? found('pattern', patterns.regex) : undefined
}

/** After a value a slash divides; after an operator, an opening bracket or a keyword it begins a regular expression. */
function regexMayBegin(before: string, last: Token | undefined): boolean {
  const text = before.trimEnd()
  if (text === '') return last === undefined || last.kind === 'comment'
  return /[(,=:[!&|?{};+\-*%<>~^]$|\b(?:return|typeof|case|in|of|do|else|await|yield)$/.test(text)
}

/** Length of the template's text from here to its end or to the next `${`, and whether it is the latter. */
function templatePart(source: string, start: number): { length: number; opens: boolean } {
  for (let position = start; position < source.length; position += 1) {
    if (source[position] === '\\') position += 1
    else if (source[position] === '`') return { length: position + 1 - start, opens: false }
    else if (source.startsWith('${', position)) return { length: position + 2 - start, opens: true }
  }
  return { length: source.length - start, opens: false }
}

const newlines = (text: string): number => text.split('\n').length - 1
