import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool } from '../../lib/postgres.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent, withRole } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'
import { createEventWriter, type EventWithId } from './event-writer.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let token: string

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  token = bed.token({ scopes: ['ingest'] })
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

async function send(payload: unknown) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload: body })
}

async function count(): Promise<number> {
  const { rows } = await bed.service.query('SELECT count(*)::int AS count FROM barometer_audit.event')
  return rows[0].count
}

describe('what is stored', () => {
  test('one event is stored as it was sent, to the microsecond, and the answer gives its id', async () => {
    const event = sampleEvent({
      occurred_at: '2026-03-05T12:00:00.1234569+02:00',
      context: { ip: '2001:db8::1', user_agent: 'curl', request_id: 'r-1', trace_id: 'abc' },
      metadata: { 'ключ 🎉': [1, 2.5, { deep: null }], __proto_: 'x' },
      changes: { before: { a: 1 }, after: null },
    })
    const answer = await send(event)
    expect(answer.statusCode, answer.body).toBe(201)
    const { stored, duplicates, ids } = answer.json()
    expect({ stored, duplicates }).toEqual({ stored: 1, duplicates: 0 })
    const { rows } = await bed.service.query(
      `SELECT *, to_char(occurred_at AT TIME ZONE 'UTC', 'HH24:MI:SS.US') AS clock FROM barometer_audit.event WHERE id = $1`,
      ids,
    )
    expect(rows[0]).toMatchObject({
      clock: '10:00:00.123456',
      actor_email: 'ada@example.com',
      ip: '2001:db8::1',
      trace_id: 'abc',
      metadata: event.metadata,
      changes: event.changes,
    })
  })

  test('its hash is that of the canonical form, whatever characters are in it', async () => {
    const strange = '"\\ \b\f\n\r\t\u0001\u001f\u007f / é 🎉 \u2028 \ufeff'
    const event = sampleEvent({
      id: randomUUID(),
      occurred_at: '2026-03-05T10:00:00.123456Z',
      actor: { type: 'admin', id: 'ada', name: strange },
      action: 'user.suspend',
      target: { type: 'user', id: 'u-1' },
      outcome: 'success',
      metadata: { b: [1.5, -0.25, 1e-7, true, null, strange], [strange]: {}, a: '' },
      changes: {},
    })
    const { rows } = await bed.service.query<{ metadata: string; hash: string }>(
      `SELECT metadata::text, encode(content_hash, 'hex') AS hash
       FROM barometer_audit.event JOIN barometer_audit.event_identity USING (id) WHERE id = $1`,
      (await send(event)).json().ids,
    )
    const who = ['admin', 'ada', strange, null, 'user.suspend']
    const items = [1, 1_772_704_800_123_456, ...who, 'user', 'u-1', null, 'success', null, null, null, null]
    const json = items.map((item) => JSON.stringify(item))
    const form = `[${[...json, rows[0]?.metadata, '{}'].join(', ')}]`
    expect(rows[0]?.hash).toBe(createHash('sha256').update(form).digest('hex'))
  })

  test('its commit is durable where the database says that commits need not be', async () => {
    // A deferred trigger sees the settings with which the transaction commits.
    await bed.owner.query(`
      CREATE TABLE public.seen (value text);
      CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER see AFTER INSERT ON barometer_audit.event_identity
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.see()`)
    const url = new URL(withRole(database.url, 'barometer_audit'))
    url.searchParams.set('options', `${url.searchParams.get('options') ?? ''} -c synchronous_commit=off`)
    const pool = createPool({ connectionString: url.href, applicationName: 'test-lax', connectionsMax: 1 })
    try {
      const writer = createEventWriter(pool)
      const event = { ...sampleEvent(), id: randomUUID() } as EventWithId
      const shown = async () => (await pool.query('SHOW synchronous_commit')).rows[0].synchronous_commit
      expect(await shown()).toBe('off')
      expect(await writer.insert([event])).toEqual({ stored: 1 })
      expect(await writer.insert([event, { ...event, id: randomUUID() }])).toEqual({ stored: 1 })
      const { rows } = await bed.owner.query('SELECT value FROM public.seen')
      expect(rows.map(({ value }) => value)).toEqual(['on', 'on'])
      expect(await shown(), 'of these transactions alone').toBe('off')
    } finally {
      await pool.end()
      await bed.owner.query('DROP FUNCTION public.see CASCADE; DROP TABLE public.seen')
    }
  })

  test('a thousand events are one batch, and their ids come back in order', async () => {
    const events = Array.from({ length: 1_000 }, () => sampleEvent({ id: randomUUID() }))
    const answer = await send(events)
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toEqual({ stored: 1_000, duplicates: 0, ids: events.map((event) => event.id) })
  })

  test('the same id and content again is a 200 that stores nothing, also with keys in another order and another zone', async () => {
    const event = sampleEvent({ id: randomUUID(), occurred_at: '2026-03-05T12:00:00Z', metadata: { a: 1, b: 2 } })
    expect((await send(event)).statusCode).toBe(201)
    const before = await count()
    const id = String(event.id).toUpperCase()
    const again = await send({ ...event, id, metadata: { b: 2, a: 1 }, occurred_at: '2026-03-05T14:00:00.000+02:00' })
    expect([again.statusCode, again.json()]).toEqual([200, { stored: 0, duplicates: 1, ids: [event.id] }])
    expect(await count()).toBe(before)
  })

  test('the same id with other content is a 409 that names it, also in another month, and nothing of the batch is stored', async () => {
    const event = sampleEvent({ id: randomUUID() })
    await send(event)
    const before = await count()
    for (const other of [
      { ...event, outcome: 'failure' },
      { ...event, occurred_at: '2025-01-01T00:00:00Z' },
    ]) {
      const answer = await send([sampleEvent(), other])
      expect([answer.statusCode, answer.json().field]).toEqual([409, 'events[1].id'])
    }
    expect(await count()).toBe(before)
  })

  test('a batch may repeat itself and may not contradict itself', async () => {
    const event = sampleEvent({ id: randomUUID() })
    const repeated = await send([event, event])
    expect([repeated.statusCode, repeated.json()]).toEqual([
      201,
      { stored: 1, duplicates: 1, ids: [event.id, event.id] },
    ])
    const other = sampleEvent({ id: randomUUID() })
    expect((await send([other, { ...other, action: 'user.ban' }])).statusCode).toBe(409)
  })

  test('many clients sending the same events at once store each once', async () => {
    const events = Array.from({ length: 50 }, () => sampleEvent({ id: randomUUID() }))
    const before = await count()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => send(index % 2 === 0 ? events : [...events].reverse())),
    )
    expect(answers.map((answer) => answer.statusCode).filter((status) => status > 201)).toEqual([])
    expect(answers.reduce((sum, answer) => sum + answer.json().stored, 0)).toBe(50)
    expect(await count()).toBe(before + 50)
  })
})

describe('what is refused', () => {
  const nul = '\u0000'
  test.each<[string, unknown, string]>([
    ['an unknown field', sampleEvent({ foo: 1 }), 'foo'],
    ['an unknown field within', sampleEvent({ actor: { type: 'admin', id: 'a', name: 'A', role: 1 } }), 'actor.role'],
    ['a missing field', sampleEvent({ target: { type: 'user' } }), 'target.id'],
    ['an empty field', sampleEvent({ target: { type: 'user', id: '' } }), 'target.id'],
    ['an oversize field', sampleEvent({ actor: { type: 'admin', id: 'x'.repeat(201), name: 'A' } }), 'actor.id'],
    ['a strange kind of actor', sampleEvent({ actor: { type: 'cat', id: 'a', name: 'A' } }), 'actor.type'],
    ['a number for text', sampleEvent({ target: { type: 'user', id: 5 } }), 'target.id'],
    ['an action that is no noun.verb', sampleEvent({ action: 'Suspend' }), 'action'],
    ['an outcome of another kind', sampleEvent({ outcome: 'ok' }), 'outcome'],
    ['an id that is no uuid', sampleEvent({ id: '1' }), 'id'],
    ['a time without its offset', sampleEvent({ occurred_at: '2026-03-01T12:00:00' }), 'occurred_at'],
    ['a day that is none', sampleEvent({ occurred_at: '2026-02-30T12:00:00Z' }), 'occurred_at'],
    ['a time far ahead', sampleEvent({ occurred_at: '2199-01-01T00:00:00Z' }), 'occurred_at'],
    ['a time long ago', sampleEvent({ occurred_at: '1999-12-31T23:59:59Z' }), 'occurred_at'],
    ['an address that is none', sampleEvent({ context: { ip: '300.1.1.1' } }), 'context.ip'],
    ['NUL in a field', sampleEvent({ target: { type: 'user', id: `a${nul}b` } }), 'target.id'],
    ['NUL deep in metadata', sampleEvent({ metadata: { a: [{ b: nul }] } }), 'metadata.a[0].b'],
    ['NUL in a key', sampleEvent({ changes: { after: { [`a${nul}`]: 1 } } }), 'changes.after.a?'],
    ['a number that was rounded', sampleEvent({ metadata: { n: 2 ** 60 } }), 'metadata.n'],
    [
      '51 keys',
      sampleEvent({ metadata: Object.fromEntries([...Array(51).keys()].map((key) => [key, 1])) }),
      'metadata',
    ],
    ['metadata over its bytes', sampleEvent({ metadata: { a: 'x'.repeat(16_384) } }), 'metadata'],
    ['changes of another kind', sampleEvent({ changes: { from: 1 } }), 'changes.from'],
    ['an empty batch', [], 'events'],
    ['1,001 events', Array.from({ length: 1_001 }, () => ({})), 'events'],
    ['text for an event', '"x"', 'event'],
    ['null in a batch', [null], 'events[0]'],
  ])('%s, with the field named', async (_what, payload, field) => {
    const before = await count()
    const answer = await send(payload)
    expect([answer.statusCode, answer.headers['content-type'], answer.json().field]).toEqual([
      400,
      'application/problem+json; charset=utf-8',
      field,
    ])
    expect(await count()).toBe(before)
  })

  test('half of a surrogate pair, since Postgres could not give it back', async () => {
    const text = JSON.stringify(sampleEvent({ metadata: { a: 'HALF' } })).replace('HALF', '\\ud800')
    expect((await send(text)).json().field).toBe('metadata.a')
  })

  test('one bad event among good ones: nothing is stored, and its place is named', async () => {
    const before = await count()
    const answer = await send([sampleEvent(), sampleEvent(), sampleEvent({ target: { type: 'user' } })])
    expect([answer.statusCode, answer.json().field]).toEqual([400, 'events[2].target.id'])
    expect(await count()).toBe(before)
  })

  test('a body over 1 MiB, one that is no JSON, one of another type, and a poisoned one', async () => {
    expect((await send(`[${' '.repeat(1_048_576)}]`)).statusCode).toBe(413)
    expect((await send('{"a"')).statusCode).toBe(400)
    expect((await send(JSON.stringify(sampleEvent()).replace('{', '{"__proto__": {"x": 1}, '))).statusCode).toBe(400)
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/plain' }
    const answer = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload: 'x' })
    expect([answer.statusCode, answer.json().status]).toEqual([415, 415])
  })

  test('what became of the events is counted', async () => {
    const { body } = await bed.server.inject({ method: 'GET', url: '/metrics' })
    for (const result of ['stored', 'duplicate', 'conflict', 'rejected']) {
      expect(body).toMatch(new RegExp(`audit_events_ingested_total\\{result="${result}"\\} [1-9]`))
    }
    expect(body).toContain('http_route="/v1/audit/events"')
  })
})
