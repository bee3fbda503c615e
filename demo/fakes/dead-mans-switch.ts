import { Type } from 'typebox'
import { readFlags } from './http-fake.ts'
import { startReceiver } from './receiver.ts'

/** Alertmanager's webhook, of which a switch needs nothing but that it comes. */
const Beat = Type.Object({
  status: Type.Literal('firing'),
  alerts: Type.Array(Type.Object({ labels: Type.Object({ alertname: Type.Literal('Watchdog') }) }), { minItems: 1 }),
})

await startReceiver({
  name: "dead man's switch",
  port: readFlags().port,
  schema: Beat,
  accept: () => [200, 'OK'],
  refuse: () => [400, 'not a beat of the Watchdog'],
  line: () => 'alive',
})
