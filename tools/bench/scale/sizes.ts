import { createClient } from '../../../lib/postgres.ts'

export interface TableSize {
  name: string
  rows: number
  /** With indexes and what is kept beside the rows. */
  bytes: number
  indexBytes: number
}

/** Every table of a schema, partitions by themselves, the largest first; the number of rows is counted. */
export async function sizesIn(url: string, schema: string): Promise<TableSize[]> {
  const client = createClient({ connectionString: url, applicationName: 'bench-sizes' })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string; bytes: string; index_bytes: string }>(
      `SELECT relname AS name, pg_total_relation_size(oid) AS bytes, pg_indexes_size(oid) AS index_bytes
       FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' ORDER BY 2 DESC`,
      [schema],
    )
    const sizes: TableSize[] = []
    for (const { name, bytes, index_bytes } of rows) {
      const counted = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${schema}."${name}"`)
      sizes.push({
        ...{ name, bytes: Number(bytes), indexBytes: Number(index_bytes) },
        rows: Number(counted.rows[0]?.rows ?? 0),
      })
    }
    return sizes
  } finally {
    await client.end()
  }
}
