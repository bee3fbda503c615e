import type { FastifyBaseLogger } from 'fastify'
import { type Static, Type } from 'typebox'
import type { HttpServer } from '../../lib/http-server.ts'
import type { Pool } from '../../lib/postgres.ts'
import { messageOf } from '../../lib/user-error.ts'
import type { ActionLog } from '../events/action-log.ts'
import { Problem } from '../http/problem.ts'
import { refusals } from '../http/problem-schema.ts'
import type { Anchors } from './anchors.ts'
import { keepVerification } from './verifications.ts'
import { type Anchor, verifyChain } from './verify.ts'
import { answerOf, VerifyAnswerSchema, verificationAction } from './verify-answer.ts'

const VerifyQuerySchema = Type.Object(
  {
    from_sequence: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'The first place to look at; 1 unless given.',
      }),
    ),
    whole: Type.Optional(
      Type.Boolean({
        description: 'Look also for events and identities that no place covers, which takes a walk over all.',
      }),
    ),
  },
  { additionalProperties: false },
)

export interface VerifyRouteOptions {
  pool: Pool
  actions: ActionLog
  anchors: Anchors | undefined
}

/** 20 s: some hundred thousand rows, and short of the 30 s after which proxies give up. */
const budgetMs = 20_000

/**
 * `GET /audit/verify`: for whoever may read the log, since it says no more than that, and a proof that only the
 * administrator can ask for is worth less. One at a time.
 */
export function verifyRoute(server: HttpServer, { pool, actions, anchors }: VerifyRouteOptions): void {
  let isRunning = false
  server.route({
    method: 'GET',
    url: '/audit/verify',
    exposeHeadRoute: false,
    config: { scope: 'read', forAuditReaders: true },
    schema: {
      summary: 'Verify the chain, and name the first row that was changed, removed or inserted',
      description:
        'Looks for 20 s at most; where that does not suffice, `next_sequence` says where to go on. `barometer audit verify` has no such limit. Each verification is an event of the log.',
      tags: ['audit'],
      querystring: VerifyQuerySchema,
      response: { 200: VerifyAnswerSchema, ...refusals },
    },
    handler: async (request) => {
      if (isRunning) {
        throw new Problem(503, 'a verification is running; expected at most one at once', {
          headers: { 'retry-after': '10' },
        })
      }
      isRunning = true
      try {
        const { from_sequence: fromSequence, whole = false } = request.query as Static<typeof VerifyQuerySchema>
        const result = await verifyChain(pool, {
          whole,
          budgetMs,
          statementTimeoutMs: 10_000,
          anchors: anchors === undefined ? [] : await newestAnchors(anchors, request.log),
          ...(fromSequence === undefined ? {} : { fromSequence }),
        })
        await keepVerification(pool, result)
        await actions.record(request, verificationAction(result))
        return answerOf(result)
      } finally {
        isRunning = false
      }
    },
  })
}

async function newestAnchors(anchors: Anchors, log: FastifyBaseLogger): Promise<Anchor[]> {
  try {
    return await anchors.newest()
  } catch (error) {
    log.error({ error: messageOf(error) }, 'the anchors cannot be read')
    throw new Problem(503, 'the anchors outside the database cannot be read', { headers: { 'retry-after': '5' } })
  }
}
