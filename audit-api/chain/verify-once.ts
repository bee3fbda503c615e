import type { Static } from 'typebox'
import { createPool } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { eventTime } from '../events/action-log.ts'
import { createEventWriter } from '../events/event-writer.ts'
import { type ObjectStore, openObjectStore } from '../storage/object-store.ts'
import { createAnchors } from './anchors.ts'
import { keepVerification } from './verifications.ts'
import { type Anchor, type VerifyProgress, verifyChain } from './verify.ts'
import { answerOf, type VerifyAnswerSchema, verificationAction } from './verify-answer.ts'

export interface VerifyOnceOptions {
  settings: SettingsWith<'AUDIT_DATABASE_URL'>
  now: Date
  /** Of the event that records it. */
  eventId: string
  fromSequence?: number
  onProgress: (progress: VerifyProgress) => void
}

/**
 * One verification by hand, of the whole log or from a place on. It is recorded like one by HTTP.
 * @throws {UserError} where the anchors cannot be read; what the driver throws where the database does not answer
 */
export async function verifyOnce(options: VerifyOnceOptions): Promise<Static<typeof VerifyAnswerSchema>> {
  const { settings, now, eventId, fromSequence, onProgress } = options
  const store = openObjectStore(settings)
  const pool = createPool({
    connectionString: settings.AUDIT_DATABASE_URL,
    applicationName: 'barometer-audit-verify',
    connectionsMax: 1,
  })
  try {
    const anchors = store === undefined ? [] : await newestAnchors(store)
    const result = await verifyChain(pool, {
      whole: fromSequence === undefined,
      anchors,
      onProgress,
      ...(fromSequence === undefined ? {} : { fromSequence }),
    })
    await keepVerification(pool, result)
    await createEventWriter(pool).insert([
      {
        id: eventId,
        occurred_at: eventTime(now),
        actor: { type: 'system', id: 'barometer-cli', name: 'barometer audit verify' },
        ...verificationAction(result),
      },
    ])
    return answerOf(result)
  } finally {
    await pool.end()
    store?.client.destroy()
  }
}

async function newestAnchors(store: ObjectStore): Promise<Anchor[]> {
  try {
    return await createAnchors(store).newest()
  } catch (error) {
    throw new UserError(
      `S3_BUCKET: the anchors cannot be read (${messageOf(error)}); expected a bucket that answers, or none set`,
      { exitCode: 1, cause: error },
    )
  }
}
