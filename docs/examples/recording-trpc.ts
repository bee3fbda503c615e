import { initTRPC } from '@trpc/server'
import type { AuditClient, AuditEvent } from '../../audit-api/client/client.ts'

interface Context {
  admin: { id: string; name: string; email: string }
  ip: string
  audit: AuditClient
}

/** What a procedure says of itself: without it, an admin procedure does not compile. */
interface Meta {
  action: string
  /** The type of what the input's `id` names. */
  target: string
}

const t = initTRPC.context<Context>().meta<Meta>().create()

/** Records every call of an admin procedure, whatever becomes of it. */
const recorded = t.middleware(async ({ ctx, meta, getRawInput, next }) => {
  if (meta === undefined) throw new Error('an admin procedure has meta({ action, target })')
  const input = (await getRawInput()) as { id?: unknown }
  const result = await next()
  const event: AuditEvent = {
    actor: { type: 'admin', ...ctx.admin },
    action: meta.action,
    target: { type: meta.target, id: String(input.id ?? 'unknown') },
    outcome: result.ok ? 'success' : 'failure',
    context: { ip: ctx.ip },
  }
  await ctx.audit.record(event)
  return result
})

const adminProcedure = t.procedure.use(recorded)

export const adminRouter = t.router({
  suspendUser: adminProcedure
    .meta({ action: 'user.suspend', target: 'user' })
    .input((input: unknown) => {
      const { id } = input as { id?: unknown }
      if (typeof id !== 'string') throw new Error('expected {id: string}')
      return { id }
    })
    .mutation(async ({ input }) => ({ suspended: input.id })),
})

export const createCaller = t.createCallerFactory(adminRouter)
