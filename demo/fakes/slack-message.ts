import { Type } from 'typebox'

const Text = (maxLength?: number) => Type.String({ minLength: 1, ...(maxLength === undefined ? {} : { maxLength }) })
/** Slack shows no button whose address is relative. */
const Address = Type.String({ pattern: '^https?://[^ ]+$', maxLength: 3_000 })

const Action = Type.Object(
  {
    type: Type.Literal('button'),
    text: Text(),
    url: Address,
    style: Type.Optional(Type.Union([Type.Literal('default'), Type.Literal('primary'), Type.Literal('danger')])),
    name: Type.Optional(Type.String()),
    value: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)

const Field = Type.Object(
  { title: Text(), value: Text(), short: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
)

const Attachment = Type.Object(
  {
    fallback: Text(),
    color: Type.Optional(
      Type.Union([
        Type.Literal('good'),
        Type.Literal('warning'),
        Type.Literal('danger'),
        Type.String({ pattern: '^#[0-9a-f]{6}$' }),
      ]),
    ),
    pretext: Type.Optional(Type.String()),
    author_name: Type.Optional(Type.String()),
    author_link: Type.Optional(Address),
    title: Text(),
    title_link: Type.Optional(Address),
    text: Type.Optional(Type.String()),
    fields: Type.Optional(Type.Array(Field)),
    actions: Type.Optional(Type.Array(Action, { maxItems: 5 })),
    footer: Type.Optional(Type.String({ maxLength: 300 })),
    footer_icon: Type.Optional(Type.String()),
    image_url: Type.Optional(Address),
    thumb_url: Type.Optional(Address),
    callback_id: Type.Optional(Type.String()),
    mrkdwn_in: Type.Optional(Type.Array(Type.String())),
    ts: Type.Optional(Type.Number()),
  },
  { additionalProperties: false },
)

/**
 * What an incoming webhook of Slack takes, of the older attachments, which Alertmanager writes.
 * https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
 */
export const SlackMessageSchema = Type.Object(
  {
    attachments: Type.Array(Attachment, { minItems: 1, maxItems: 100 }),
    text: Type.Optional(Type.String({ maxLength: 40_000 })),
    channel: Type.Optional(Type.String()),
    username: Type.Optional(Type.String()),
    icon_emoji: Type.Optional(Type.String()),
    icon_url: Type.Optional(Type.String()),
    link_names: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)
