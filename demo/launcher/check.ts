import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Barometer } from './barometer.ts'

const generated = resolve(import.meta.dirname, '..', '..', 'dashboards', 'generated')

interface Panel {
  title?: string
  type: string
  targets?: { expr?: string }[]
}

/**
 * Asserts what a person would look for: every scrape target is up, and every query of every board has an answer.
 * Success rates over a past that the demo has not lived through are the one thing that may be missing.
 * @returns whether all is well; each thing that is not is a line on standard error
 */
export async function checkDemo({ prometheusUrl }: Barometer): Promise<boolean> {
  const problems = [...(await targetProblems(prometheusUrl)), ...(await panelProblems(prometheusUrl))]
  for (const problem of problems) process.stderr.write(`demo check: ${problem}\n`)
  if (problems.length === 0) process.stdout.write('demo check: every target is up, every query has an answer\n')
  return problems.length === 0
}

async function targetProblems(prometheusUrl: string): Promise<string[]> {
  const { activeTargets } = await api<{ activeTargets: { scrapePool: string; health: string; lastError: string }[] }>(
    prometheusUrl,
    'targets?state=active',
  )
  return activeTargets
    .filter((target) => target.health !== 'up')
    .map((target) => `the target ${target.scrapePool} is ${target.health}: ${target.lastError}`)
}

async function panelProblems(prometheusUrl: string): Promise<string[]> {
  const problems: string[] = []
  for (const file of readdirSync(generated)) {
    const board: { title: string; panels: Panel[] } = JSON.parse(readFileSync(join(generated, file), 'utf8'))
    for (const panel of board.panels) {
      for (const { expr } of panel.targets ?? []) {
        if (expr === undefined) continue
        const { result } = await api<{ result: unknown[] }>(prometheusUrl, `query?query=${encodeURIComponent(expr)}`)
        if (result.length === 0) problems.push(`${board.title} > ${panel.title} has no answer: ${expr}`)
      }
    }
  }
  return problems
}

async function api<Data>(prometheusUrl: string, path: string): Promise<Data> {
  const response = await fetch(`${prometheusUrl}/api/v1/${path}`)
  const body = (await response.json()) as { status: string; error?: string; data: Data }
  if (body.status !== 'success') throw new Error(`Prometheus answers ${body.error}`)
  return body.data
}
