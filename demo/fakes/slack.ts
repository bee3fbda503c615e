import { readFlags } from './http-fake.ts'
import { startReceiver } from './receiver.ts'

interface Message {
  attachments?: { title?: string }[]
}

await startReceiver({
  name: 'Slack',
  port: readFlags().port,
  accept: () => [200, 'ok'],
  line: (body) => (body as Message).attachments?.[0]?.title ?? 'a message without a title',
})
