import { fastify } from 'fastify'
import { AuditClient } from '../../audit-api/client/client.ts'

/** The platform's own work; it throws where it cannot be done. */
export interface Users {
  suspend(id: string): Promise<{ id: string; name: string }>
}

/** An admin API that records what it does over HTTP. */
export function createAdminApi(options: { users: Users; auditUrl: string; auditToken: string }) {
  const server = fastify({ logger: { level: 'warn' } })
  const audit = new AuditClient({
    url: options.auditUrl,
    token: options.auditToken,
    onGivenUp: (event, reason) => server.log.error({ event, reason }, 'an audit event was refused for ever'),
    onRetry: (retry) => server.log.warn(retry, 'the audit API does not take events; trying again'),
  })
  // What could not be sent within ten seconds is in the log, whole: recorded again with its id it is stored once.
  server.addHook('onClose', async () => {
    for (const event of await audit.close({ timeoutMs: 10_000 })) server.log.error({ event }, 'not recorded')
  })

  server.post<{ Params: { id: string } }>('/admin/users/:id/suspend', async (request) => {
    const admin = { type: 'admin', id: 'ada', name: 'Ada Lovelace' } as const // from your session
    const action = {
      actor: admin,
      action: 'user.suspend',
      context: { ip: request.ip, request_id: request.id },
    }
    const { id } = request.params
    const user = await options.users.suspend(id).catch(async (error: unknown) => {
      // That it was tried is worth a record too.
      await audit.record({ ...action, target: { type: 'user', id }, outcome: 'failure' })
      throw error
    })
    await audit.record({ ...action, target: { type: 'user', ...user }, outcome: 'success' })
    return { suspended: user.id }
  })
  return server
}
