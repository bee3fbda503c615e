import { createClient } from '../../lib/postgres.ts'
import { hostAndPort } from '../../lib/variables.ts'
import type { Probe } from './probe.ts'

/**
 * SELECT 1 over a new connection: an old one would still answer while the server takes no new clients, be it hung or
 * full, and that is down for everybody else.
 */
export function postgresProbe(connectionString: string): Probe {
  const target = hostAndPort(connectionString)
  return {
    of: { dependency: 'postgres', target },
    everyTicks: 1,
    run: async (signal) => {
      const client = createClient({ connectionString, applicationName: 'barometer probe' })
      const abort = () => destroy(client)
      signal.addEventListener('abort', abort)
      try {
        await client.connect()
        await client.query('SELECT 1')
      } finally {
        signal.removeEventListener('abort', abort)
        if (signal.aborted) destroy(client)
        else void client.end().catch(() => {})
      }
      return []
    },
  }
}

/** end() says goodbye to the server and waits for it, and a server that hangs never answers. */
function destroy(client: ReturnType<typeof createClient>): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(error?: Error): void } } }
  connection.stream.destroy(new Error('no answer in time'))
}
