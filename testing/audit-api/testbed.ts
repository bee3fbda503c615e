import { randomUUID } from 'node:crypto'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { pino } from 'pino'
import type { AnalyticsSources } from '../../audit-api/analytics/create.ts'
import { createApp } from '../../audit-api/app.ts'
import type { Anchors } from '../../audit-api/chain/anchors.ts'
import type { ErrorLog } from '../../audit-api/errors/upkeep.ts'
import type { KnownRoute } from '../../audit-api/http/routes-known.ts'
import { migrateAudit } from '../../audit-api/migrations/migrate.ts'
import { createToken, findToken, type NewToken, type TokenEntry } from '../../audit-api/tokens/tokens.ts'
import type { HttpServer } from '../../lib/http-server.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import { type Contract, readContract } from './contract.ts'

/** A database of its own for one test file, its audit log in place, and the API on it as the service's role. */
export interface AuditTestbed {
  /** Every answer that `inject` gives is held against `/openapi.json`; one that is not as documented is an error. */
  server: HttpServer
  routes: readonly KnownRoute[]
  contract: Contract
  /** As the service's role. */
  service: Pool
  /** As the owner of the log. */
  owner: Pool
  errorLog: ErrorLog
  /** A token with these scopes. */
  token(options: Partial<NewToken>): string
  close(): Promise<void>
}

/** @param ownerUrl a fresh database, as a role that may make roles */
export async function openAuditTestbed(
  ownerUrl: string,
  options: {
    requestsPerMinute?: number
    failuresPerMinute?: number
    now?: () => Date
    analytics?: AnalyticsSources
    anchors?: Anchors
  } = {},
): Promise<AuditTestbed> {
  await migrateAudit(ownerUrl)
  const owner = createPool({ connectionString: ownerUrl, applicationName: 'test-owner', connectionsMax: 3 })
  const service = createPool({
    connectionString: withRole(ownerUrl, 'barometer_audit'),
    applicationName: 'test-service',
    connectionsMax: 8,
    statementTimeoutMs: 10_000,
  })
  const entries: TokenEntry[] = []
  const { server, errorLog, routes } = await createApp({
    pool: service,
    tokens: { find: (token) => findToken(entries, token) },
    log: pino({ level: 'silent' }),
    now: options.now ?? (() => new Date()),
    ...(options.analytics === undefined ? {} : { analytics: options.analytics }),
    ...(options.anchors === undefined ? {} : { anchors: options.anchors }),
    ...(options.failuresPerMinute === undefined ? {} : { failuresPerMinute: options.failuresPerMinute }),
    ...(options.requestsPerMinute === undefined ? {} : { requestsPerMinute: options.requestsPerMinute }),
  })
  return {
    server,
    routes,
    contract: await holdToContract(server),
    service,
    owner,
    errorLog,
    token: (wanted) => {
      const { token, entry } = createToken({ name: randomUUID(), scopes: ['read'], ...wanted })
      entries.push(entry)
      return token
    },
    close: async () => {
      await server.close()
      await Promise.all([service.end(), owner.end()])
    },
  }
}

async function holdToContract(server: HttpServer): Promise<Contract> {
  const inject = server.inject.bind(server) as (options: InjectOptions) => Promise<LightMyRequestResponse>
  const contract = readContract((await inject({ url: '/openapi.json' })).json())
  const checked = async (given: InjectOptions | string): Promise<LightMyRequestResponse> => {
    const options = typeof given === 'string' ? { url: given } : given
    const answer = await inject(options)
    const wrong = contract.check({
      method: options.method?.toUpperCase() ?? 'GET',
      url: String(options.url),
      status: answer.statusCode,
      contentType: answer.headers['content-type'],
      body: answer.body,
    })
    if (wrong !== undefined) throw new Error(wrong)
    return answer
  }
  Object.assign(server, { inject: checked })
  return contract
}

/** The same database with every session in another role, as `SET ROLE` does: rights are that role's, no password is needed. */
export function withRole(url: string, role: string): string {
  const changed = new URL(url)
  changed.searchParams.set('options', `-c role=${role}`)
  return changed.href
}

let count = 0

/** An event that is right; each call another one. */
export function sampleEvent(changes: Record<string, unknown> = {}): Record<string, unknown> {
  count += 1
  return {
    occurred_at: new Date(Date.UTC(2026, 2, 1) + count * 1_000).toISOString(),
    actor: { type: 'admin', id: 'ada', name: 'Ada Lovelace', email: 'ada@example.com' },
    action: 'user.suspend',
    target: { type: 'user', id: `user-${count}`, name: 'Somebody' },
    outcome: 'success',
    ...changes,
  }
}

/** An error that is right, of a moment ago; each call another one. */
export function sampleError(changes: Record<string, unknown> = {}): Record<string, unknown> {
  count += 1
  return {
    occurred_at: new Date(Date.now() - 3_600_000 + count * 1_000).toISOString(),
    service: 'platform-api',
    type: 'TimeoutError',
    message: `no answer to request ${count} within 3000 ms`,
    ...changes,
  }
}
