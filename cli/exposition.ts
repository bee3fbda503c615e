import { UserError } from '../lib/user-error.ts'

/** One sample as it stands in an exposition or in an answer of Prometheus. */
export interface Reading {
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}

/** The name, the labels in braces (a quoted value may hold any escaped character), the value, and what may follow it. */
const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+([^ \t#]+)(?:[ \t].*)?$/
const labelPair = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)/y

/**
 * Reads the text format of Prometheus and OpenMetrics. Comments, timestamps and exemplars are passed over.
 * @throws {UserError} naming the line that is not of the format: a page of HTML, say.
 */
export function parseExposition(text: string): Reading[] {
  const readings: Reading[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const reading = parseLine(trimmed)
    if (reading === undefined) {
      const shown = trimmed.length > 60 ? `${trimmed.slice(0, 60)}…` : trimmed
      throw new UserError(
        `line ${index + 1} is ${JSON.stringify(shown)}; expected a metric in the Prometheus text format`,
        {
          exitCode: 1,
        },
      )
    }
    readings.push(reading)
  }
  return readings
}

function parseLine(line: string): Reading | undefined {
  const [, name, labelText = '', valueText] = sampleLine.exec(line) ?? []
  if (name === undefined || valueText === undefined) return undefined
  const labels = parseLabels(labelText)
  const value = parseNumber(valueText)
  return labels === undefined || value === undefined ? undefined : { name, labels, value }
}

function parseLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {}
  labelPair.lastIndex = 0
  let end = 0
  while (end < text.length) {
    const match = labelPair.exec(text)
    if (match?.[1] === undefined) return undefined
    labels[match[1]] = unescaped(match[2] ?? '')
    end = labelPair.lastIndex
  }
  return labels
}

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character))

/** Of Go's number format what the exposition uses: decimal numbers, +Inf, -Inf, NaN. */
export function parseNumber(text: string): number | undefined {
  if (/^[+-]?Inf$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^NaN$/i.test(text)) return Number.NaN
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}
