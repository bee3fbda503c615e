import { execFileSync } from 'node:child_process'
import { appendFileSync, chownSync, cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import pg from 'pg'
import { type Postgres, startPostgres } from '../../demo/stack/postgres.ts'

/** A primary and a replica that confirms each commit, so that what was acknowledged is on both. */
export interface Cluster {
  primary(): Postgres
  /** Whether the primary's data is on a disk of its own, which can be filled. */
  disk(): string | undefined
  /** Kills the primary, promotes the replica and makes a new replica. `onPromoted` is told the new primary's port. */
  failOver(onPromoted: (port: number) => void): Promise<void>
  /** After a kill: the same server again. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const settings = {
  wal_level: 'replica',
  max_wal_senders: '8',
  max_connections: '120',
  // Enough for a replica that is away as long as a fault lasts.
  wal_keep_size: '64MB',
  max_wal_size: '96MB',
  min_wal_size: '32MB',
  shared_buffers: '64MB',
  hot_standby: 'on',
  synchronous_commit: 'on',
  wal_retrieve_retry_interval: '200ms',
  checkpoint_timeout: '60s',
}
const diskMegabytes = 600

/**
 * Starts the primary and a replica that confirms each transaction.
 * @param wantDisk a small disk for each server, where there is the right to mount one
 */
export async function startCluster(directory: string, wantDisk: boolean): Promise<Cluster> {
  const places = openPlaces(directory, wantDisk)
  let place = places.make()
  let primary = await startPostgres({ directory: place.path, settings })
  appendFileSync(join(place.path, 'data', 'pg_hba.conf'), 'host replication postgres 127.0.0.1/32 scram-sha-256\n')
  await ask(primary.url, 'SELECT pg_reload_conf()')
  let replicaPlace = places.make()
  let replica = await startReplica(primary, place, replicaPlace)

  return {
    primary: () => primary,
    disk: () => place.disk,
    restart: () => startAgain(primary),
    failOver: async (onPromoted) => {
      await primary.signal('SIGKILL')
      const old = place
      await ask(replica.url, `SELECT pg_promote(true, 30)`)
      // Nobody confirms until there is a new replica.
      await ask(replica.url, 'ALTER SYSTEM RESET synchronous_standby_names')
      await ask(replica.url, 'SELECT pg_reload_conf()')
      primary = replica
      place = replicaPlace
      onPromoted(primary.port)
      places.release(old)
      replicaPlace = places.make()
      replica = await startReplica(primary, place, replicaPlace)
    },
    stop: async () => {
      await Promise.allSettled([replica.stop(), primary.stop()])
      places.unmountAll()
    },
  }
}

/** Where a server keeps its files, and the small disk that they are on, if there is one. */
interface Place {
  path: string
  disk: string | undefined
}

function openPlaces(directory: string, wantDisk: boolean) {
  let number = 0
  const mounted: string[] = []
  return {
    make: (): Place => {
      number += 1
      const disk = join(directory, `disk-${number}`)
      mkdirSync(disk, { recursive: true })
      const hasDisk = wantDisk && mount(disk)
      if (hasDisk) mounted.push(disk)
      return { path: join(disk, 'postgres'), disk: hasDisk ? disk : undefined }
    },
    release: ({ path, disk }: Place): void => {
      if (disk === undefined) {
        rmSync(path, { recursive: true, force: true })
        return
      }
      mounted.splice(mounted.indexOf(disk), 1)
      execFileSync('umount', ['--lazy', disk])
    },
    unmountAll: (): void => {
      for (const disk of mounted) execFileSync('umount', ['--lazy', disk])
    },
  }
}

/**
 * Starts a replica and has the primary wait for it. The Postgres of npm has no pg_basebackup: the replica is a copy of the
 * files between pg_backup_start and pg_backup_stop.
 */
async function startReplica(primary: Postgres, from: Place, to: Place): Promise<Postgres> {
  const [primaryData, data] = [join(from.path, 'data'), join(to.path, 'data')]
  mkdirSync(to.path, { recursive: true })
  const client = new pg.Client({ connectionString: primary.url })
  await client.connect()
  try {
    await client.query(`SELECT pg_backup_start('chaos', true)`)
    copyData(primaryData, data)
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)')
    writeFileSync(join(data, 'backup_label'), rows[0]?.labelfile ?? '')
  } finally {
    await client.end()
  }
  rmSync(join(data, 'postmaster.pid'), { force: true })
  writeFileSync(join(data, 'standby.signal'), '')
  cpSync(join(from.path, 'password'), join(to.path, 'password'), { preserveTimestamps: true })
  ownAs(primaryData, [to.path, join(data, 'backup_label'), join(data, 'standby.signal'), join(to.path, 'password')])
  const source = new URL(primary.url)
  const replica = await startPostgres({
    directory: to.path,
    port: await getPort({ host: '127.0.0.1' }),
    settings: {
      ...settings,
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres password=${source.password} application_name=chaos`,
    },
  })
  await untilStreaming(primary.url)
  await ask(primary.url, `ALTER SYSTEM SET synchronous_standby_names = 'chaos'`)
  await ask(primary.url, 'SELECT pg_reload_conf()')
  return replica
}

/** What killed servers leave is in the way for a moment. */
async function startAgain(server: Postgres): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await server.start()
    } catch (error) {
      if (attempt > 20) throw error
      await sleep(250)
    }
  }
}

/** Files come and go while they are copied, which the log makes good. */
function copyData(from: string, to: string): void {
  // tar says 1 where a file changed while it was read.
  execFileSync('sh', [
    '-c',
    'mkdir -p "$2" && { tar -C "$1" --warning=no-file-changed --warning=no-file-removed -cf - . || [ $? -eq 1 ]; } | tar -C "$2" -xpf -',
    'copy',
    from,
    to,
  ])
}

function ownAs(model: string, paths: readonly string[]): void {
  const { uid, gid } = statSync(model)
  for (const path of paths) chownSync(path, uid, gid)
}

function mount(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMegabytes}m`, 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function untilStreaming(url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const [row] = await ask<{ there: boolean }>(
      url,
      `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'chaos' AND state = 'streaming') AS there`,
    )
    if (row?.there) return
    await sleep(100)
  }
  throw new Error('the replica does not stream within 30 s')
}

/** One statement over a connection of its own, tried until the server answers. */
export async function ask<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  for (let attempt = 0; ; attempt += 1) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000, query_timeout: 40_000 })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query<Row>(sql, values)).rows
    } catch (error) {
      if (attempt >= 40) throw error
      await sleep(250)
    } finally {
      await client.end().catch(() => {})
    }
  }
}
