import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { platformJob } from '../../catalogue/jobs.ts'

/** The rules as Prometheus reads them: what is deployed, whatever they were generated from. */
const generated = new URL('../../alerts/generated/', import.meta.url)

interface Rule {
  alert?: string
  record?: string
  expr?: string
}

interface RuleFile {
  groups?: { rules?: Rule[] }[]
}

/** The alerts that can never fire while nothing is scraped under the job of the platform's API. */
export function alertsOnPlatformApi(): string[] {
  return alertsDependingOn(`job="${platformJob}"`, readRules())
}

/** The names of the alerts whose expression contains `text`, also by way of recording rules, sorted. */
export function alertsDependingOn(text: string, rules: readonly Rule[]): string[] {
  const recorded = new Set<string>()
  const uses = (expression = ''): boolean =>
    expression.includes(text) || (expression.match(/[a-zA-Z_:][\w:]*/g) ?? []).some((name) => recorded.has(name))
  // A recording rule may use another: repeated until nothing new is found.
  for (let before = -1; before !== recorded.size; ) {
    before = recorded.size
    for (const { record, expr } of rules) if (record !== undefined && uses(expr)) recorded.add(record)
  }
  const alerts = rules.flatMap(({ alert, expr }) => (alert !== undefined && uses(expr) ? [alert] : []))
  return [...new Set(alerts)].toSorted()
}

function readRules(): Rule[] {
  let files: string[]
  try {
    files = readdirSync(generated)
  } catch {
    // An installation without the rules: there is nothing to name.
    return []
  }
  return files
    .filter((file) => file.endsWith('.yml'))
    .flatMap((file) => {
      const content: RuleFile | null = parse(readFileSync(new URL(file, generated), 'utf8'))
      return (content?.groups ?? []).flatMap(({ rules }) => rules ?? [])
    })
}
