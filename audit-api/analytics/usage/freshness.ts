import { allOption, type DashboardUid, dashboardUids, noFilter } from '../../../catalogue/dashboards.ts'
import { snapshotTimestampSeconds } from '../../../catalogue/exporter.ts'
import { dependencyLastProbeTimestampSeconds } from '../../../catalogue/infrastructure.ts'
import { badField, Problem } from '../../http/problem.ts'
import type { Query } from '../../http/query.ts'
import type { Sources } from '../report.ts'

const limits = { variables: 30, nameLength: 60, valueLength: 200, values: 100 }
/** What Grafana sends for "All", and for a text box that is empty. */
const atDefault: readonly string[] = ['', noFilter, allOption, 'All']
/** The time range moves by itself. */
const notVariables: readonly string[] = ['from', 'to']

/** @throws {Problem} 404 for a board that is none */
export function readDashboard(uid: string): DashboardUid {
  const found = dashboardUids.find((one) => one === uid)
  if (found === undefined)
    throw new Problem(
      404,
      `there is no dashboard ${JSON.stringify(uid.slice(0, 60))}; expected one of ${dashboardUids.join(', ')}`,
    )
  return found
}

/**
 * The variables that are away from their defaults, values sorted. A variable whose default is a value of its own says so by
 * a parameter `<name>.default`.
 * @throws {Problem} 400 for more than a board has
 */
export function readVariables(query: Query): Record<string, string[]> {
  const names = Object.keys(query).filter((name) => !name.endsWith('.default') && !notVariables.includes(name))
  if (names.length > limits.variables)
    throw badField('variables', `are ${names.length}; expected at most ${limits.variables}`)
  const variables: Record<string, string[]> = {}
  for (const name of names) {
    if (!/^\w+$/.test(name) || name.length > limits.nameLength)
      throw badField(
        name.replace(/[^\x20-\x7e]/g, '?').slice(0, limits.nameLength),
        'is no name of a variable; expected letters, digits and _',
      )
    const values = valuesOf(query[name])
    const usual = valuesOf(query[`${name}.default`])
    if (
      values.length > limits.values ||
      values.some((value) => value.length > limits.valueLength || value.includes('\0'))
    )
      throw badField(name, `is too long; expected at most ${limits.values} values of ${limits.valueLength} characters`)
    const isDefault = values.every((value) => atDefault.includes(value)) || String(values) === String(usual)
    if (!isDefault) variables[name] = values
  }
  return variables
}

const valuesOf = (found: string | readonly string[] | undefined): string[] =>
  [...new Set((typeof found === 'string' ? [found] : (found ?? [])).flatMap((value) => value.split(',')))].sort()

/** The instant of what a board shows; undefined where nobody can say. */
export async function dataAsOf(dashboard: DashboardUid, sources: Sources, now: Date): Promise<Date | undefined> {
  // The log itself is read when it is asked for.
  if (dashboard === 'barometer-audit') return now
  const probes = async () => await newest(sources, `max(${dependencyLastProbeTimestampSeconds.name})`)
  if (dashboard === 'barometer-health') return await probes()
  return (await fromStore(sources)) ?? (await newest(sources, `max(${snapshotTimestampSeconds.name})`))
}

async function fromStore({ store }: Sources): Promise<Date | undefined> {
  try {
    return await store.read(async (reading) => (await reading.figures()).asOf)
  } catch {
    // Prometheus may know.
    return undefined
  }
}

async function newest({ prometheus }: Sources, expression: string): Promise<Date | undefined> {
  try {
    const value = (await prometheus.query(expression))[0]?.value
    return value === undefined ? undefined : new Date(value * 1_000)
  } catch {
    return undefined
  }
}
