import { Type } from 'typebox'

const Address = Type.String({ pattern: '^https?://[^ ]+$' })
const Link = Type.Object({ href: Address, text: Type.Optional(Type.String()) }, { additionalProperties: false })
const Image = Type.Object(
  { src: Address, href: Type.Optional(Address), alt: Type.Optional(Type.String()) },
  { additionalProperties: false },
)

const Payload = Type.Object(
  {
    summary: Type.String({ minLength: 1, maxLength: 1_024 }),
    source: Type.String({ minLength: 1 }),
    severity: Type.Union(['critical', 'error', 'warning', 'info'].map((severity) => Type.Literal(severity))),
    timestamp: Type.Optional(Type.String()),
    class: Type.Optional(Type.String()),
    component: Type.Optional(Type.String()),
    group: Type.Optional(Type.String()),
    custom_details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
)

const common = {
  routing_key: Type.String({ minLength: 32, maxLength: 32 }),
  client: Type.Optional(Type.String()),
  client_url: Type.Optional(Address),
  links: Type.Optional(Type.Array(Link)),
  images: Type.Optional(Type.Array(Image)),
}

/**
 * What PagerDuty's Events API v2 takes: a trigger says what is wrong, a resolve only whose key it is.
 * https://developer.pagerduty.com/docs/send-alert-event
 */
export const PagerdutyEventSchema = Type.Union([
  Type.Object(
    {
      ...common,
      event_action: Type.Literal('trigger'),
      dedup_key: Type.Optional(Type.String({ maxLength: 255 })),
      payload: Payload,
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      ...common,
      event_action: Type.Union([Type.Literal('acknowledge'), Type.Literal('resolve')]),
      dedup_key: Type.String({ minLength: 1, maxLength: 255 }),
      payload: Type.Optional(Payload),
    },
    { additionalProperties: false },
  ),
])
