import { Redis } from 'ioredis'
import { hostAndPort } from '../../lib/variables.ts'
import { orAborted, type Probe, ProbeError } from './probe.ts'

/** PING over a new connection, so that a server which takes no new clients is down. */
export function redisProbe(url: string): Probe {
  return {
    of: { dependency: 'redis', target: hostAndPort(url) },
    everyTicks: 1,
    run: async (signal) => {
      const client = new Redis(url, {
        lazyConnect: true,
        retryStrategy: () => null,
        maxRetriesPerRequest: 0,
        connectionName: 'barometer probe',
      })
      let lost: Error | undefined
      client.on('error', (error: Error) => {
        lost = error
      })
      try {
        // A connection that was cut off while it was being made leaves its promise open, so that is not waited for.
        const answer = await orAborted(
          signal,
          () => client.disconnect(),
          async () => {
            await client.connect()
            return client.ping()
          },
        )
        if (answer !== 'PONG') throw new ProbeError('PING was not answered with PONG')
      } catch (error) {
        // The promise says "Connection is closed."; why it was is in the event.
        throw lost ?? error
      } finally {
        client.disconnect()
      }
      return []
    },
  }
}
