import { createClient } from '../../lib/postgres.ts'
import { hostAndPort } from '../../lib/variables.ts'
import { orAborted, type Probe } from './probe.ts'

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
      await orAborted(
        signal,
        () => destroy(client),
        async () => {
          await client.connect()
          await client.query('SELECT 1')
        },
      ).finally(() => {
        // Not waited for: the goodbye is of no interest, and a frozen server never answers it.
        client.end().catch(() => {})
      })
      return []
    },
  }
}

/** Ends the connection at once, whatever the server does. */
function destroy(client: ReturnType<typeof createClient>): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(error?: Error): void } } }
  connection.stream.destroy(new Error('no answer in time'))
}
