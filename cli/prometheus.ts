import { UserError } from '../lib/user-error.ts'
import { parseNumber, type Reading } from './exposition.ts'
import { getText, shownAddress, under } from './http-get.ts'

interface VectorAnswer {
  status?: unknown
  data?: { resultType?: unknown; result?: unknown }
}

/**
 * The answer to an instant query. The name of a sample without one is empty.
 * @throws {UserError} where Prometheus does not answer as it should.
 */
export async function queryPrometheus(address: string, named: string, query: string): Promise<Reading[]> {
  const target = under(address, 'api/v1/query')
  target.searchParams.set('query', query)
  const answer = parseJson(await getText(target, named, 'application/json')) as VectorAnswer | null | undefined
  const result = answer?.data?.result
  if (answer?.status !== 'success' || answer.data?.resultType !== 'vector' || !Array.isArray(result)) {
    const message = `${named} (${shownAddress(target)}) answered something else; expected a vector of the Prometheus API`
    throw new UserError(message, { exitCode: 1 })
  }
  return result.map(toReading).filter((reading) => reading !== undefined)
}

function toReading(item: unknown): Reading | undefined {
  if (typeof item !== 'object' || item === null || !('metric' in item) || !('value' in item)) return undefined
  const { metric, value } = item
  if (typeof metric !== 'object' || metric === null || !Array.isArray(value)) return undefined
  const { __name__: name = '', ...labels } = metric as Record<string, string>
  const number = parseNumber(String(value[1]))
  return number === undefined ? undefined : { name, labels, value: number }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
