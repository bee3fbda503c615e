import type { Named } from '../../lib/variables.ts'
import { discard, get } from './http.ts'
import { type Probe, ProbeError } from './probe.ts'

/** Up is any answer below 500 in time: a 404 or a redirect is an API that answers. */
export function apiProbe({ name, value: address }: Named): Probe {
  return {
    of: { dependency: 'api', target: name },
    everyTicks: 1,
    run: async (signal) => {
      const response = await get(address, { signal })
      await discard(response)
      if (response.status >= 500)
        throw new ProbeError(`the API answered with status ${response.status}; expected below 500`)
      return []
    },
  }
}
