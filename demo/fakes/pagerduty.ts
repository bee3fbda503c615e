import { readFlags } from './http-fake.ts'
import { PagerdutyEventSchema } from './pagerduty-event.ts'
import { startReceiver } from './receiver.ts'

interface Event {
  event_action?: string
  dedup_key?: string
  payload?: { summary?: string }
}

await startReceiver({
  name: 'PagerDuty',
  port: readFlags().port,
  schema: PagerdutyEventSchema,
  accept: ({ body }) => [202, { status: 'success', message: 'Event processed', dedup_key: (body as Event).dedup_key }],
  refuse: (errors) => [400, { status: 'invalid event', message: 'Event object is invalid', errors }],
  line: (body) => `${(body as Event).event_action} ${(body as Event).payload?.summary ?? ''}`,
})
