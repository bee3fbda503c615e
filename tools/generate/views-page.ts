import {
  appendedBy,
  columns,
  isOptional,
  type Kind,
  kindOf,
  requiredView,
  sourceViews,
  type View,
  views,
} from '../../catalogue/views.ts'

/** What the page calls a kind. */
const shown: Readonly<Record<Kind, string>> = {
  id: 'id',
  instant: 'ts',
  text: 'text',
  country: 'char(2)',
  currency: 'char(3)',
  flag: 'bool',
  number: 'int',
  minorUnits: 'bigint',
}

/** docs/views.md: the source contract, to be read. */
export function renderViewsPage(): string {
  return `# The source views

What the views must have, for people who write or review them, printed from \`catalogue/views.ts\`. \`barometer init\` drafts
them, \`barometer check\` says where they do not fit. [adopting.md](adopting.md) is the way there.

- Only \`users\` is required. Without another view what needs it is off, and says so: without \`characters\` also the count of
  users, which is by characters. Of what you have none, make the view empty (\`WHERE false\`).
- \`id\` is \`bigint\`, \`uuid\` or \`text\`, and \`user_id\` is everywhere of the type that it has in \`users\`. \`ts\` is
  \`timestamptz\`.
- Money is \`bigint\` in minor units (cents) with an ISO 4217 \`currency\` beside it.
- A column marked \`?\` may be NULL, no other. Columns beyond these are ignored.
- In a view marked *added*, rows arrive and never change. In one marked *changes*, every change of a row moves \`updated_at\`
  forward. What escapes this, and rows that are deleted, is put right at night, when all is compared.
- Ids, a row's user and the instants of what happened do not change.

${views.map(renderView).join('\n')}`
}

function renderView(view: View): string {
  const marks = [...(view === requiredView ? ['required'] : []), appendedBy[view] === undefined ? 'changes' : 'added']
  const { about, more } = { more: undefined, ...sourceViews[view] }
  const rows = Object.entries(columns[view]).map(
    ([name, { kind, values, note }]) =>
      `| \`${name}\` | ${shown[kindOf(kind)]}${isOptional(kind) ? '?' : ''} | ${meaning(values, note)}|`,
  )
  return `## ${view} (${marks.join(', ')})

${about}${more === undefined ? '' : ` ${more}`}

| column | type | what it is |
|---|---|---|
${rows.join('\n')}
`
}

function meaning(values: readonly string[] | undefined, note: string | undefined): string {
  const parts = [...(values === undefined ? [] : [values.join(', ')]), ...(note === undefined ? [] : [note])]
  return parts.length === 0 ? '' : `${parts.join('; ')} `
}
