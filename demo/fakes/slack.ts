import { readFlags } from './http-fake.ts'
import { startReceiver } from './receiver.ts'
import { SlackMessageSchema } from './slack-message.ts'

interface Message {
  attachments?: { title?: string }[]
}

await startReceiver({
  name: 'Slack',
  port: readFlags().port,
  schema: SlackMessageSchema,
  accept: () => [200, 'ok'],
  refuse: () => [400, 'invalid_attachments'],
  line: (body) => (body as Message).attachments?.[0]?.title ?? 'a message without a title',
})
