import type { Client } from 'pg'
import { serverSettings } from '../postgres.ts'

export interface ServerFacts {
  version: string
  settings: Readonly<Record<string, string>>
}

/** What the server says of itself. */
export async function serverFacts(client: Client): Promise<ServerFacts> {
  const names = Object.keys(serverSettings).filter((name) => !name.includes('.'))
  const { rows } = await client.query<{ name: string; setting: string }>(
    'SELECT name, current_setting(name) AS setting FROM unnest($1::text[]) AS name',
    [[...names, 'max_parallel_workers_per_gather', 'jit']],
  )
  const version = await client.query<{ server_version: string }>('SHOW server_version')
  return {
    version: version.rows[0]?.server_version ?? '',
    settings: Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
  }
}
