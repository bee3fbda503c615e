import { appendedBy, contract, isOptional, requiredView, sourceViews, type View, views } from '../../catalogue/views.ts'
import { templateMark } from '../check/template.ts'
import type { ColumnDraft, ViewDraft } from './draft.ts'
import { inComment } from './names.ts'

export interface RenderOptions {
  database: string
  /** Of the views, quoted. */
  schema: string
  /** The exporter's own, quoted. */
  store: string
  /** Who reads the views, quoted. */
  role: string
  /** The same as a text, for a comparison. */
  roleText: string
}

/** 110: what remains of a line of 120 behind the mark of a comment. */
const widthMax = 110

/** One file of SQL that can be run as it is, and again after each change. */
export function renderSql(drafts: readonly ViewDraft[], options: RenderOptions): string {
  const parts = [
    heading(options),
    dropAndCreate(options),
    ...drafts.map((draft) => section(draft, options)),
    rights(options),
  ]
  return `${parts.join('\n\n')}\n`
}

/** Lines with TODO, of a view or of one of its columns. */
export const todoCount = (draft: ViewDraft): number =>
  Number(draft.todo.length > 0) + draft.columns.filter(({ todo }) => todo.length > 0).length

function heading({ database, schema }: RenderOptions): string {
  return comment(
    [
      `The views that Barometer reads (${schema}), drafted by barometer init from a look at the tables of the database ${JSON.stringify(database)}.`,
      'What is marked TODO is not certain: read it, set it right and delete the mark. Then run the whole file, as the owner of the tables, as often as you like:',
    ].join(' '),
  ).concat(
    '\n--\n--   psql "$DATABASE_URL" --set ON_ERROR_STOP=1 --single-transaction --file THIS_FILE\n--\n',
    comment(
      'and ask npx barometer check what is still missing. What each column means stands in docs/views.md. A view of what you do not keep is deleted here, from its comment to the next empty line: then what needs it is off.',
    ),
  )
}

function dropAndCreate({ schema }: RenderOptions): string {
  const names = views.map((view) => `  ${schema}.${view}`).join(',\n')
  return [
    `CREATE SCHEMA IF NOT EXISTS ${schema};`,
    '',
    '-- A view cannot change the type of a column: all are made anew. Nothing of theirs is lost, they hold no rows.',
    'SET client_min_messages = warning;',
    `DROP VIEW IF EXISTS\n${names};`,
    'RESET client_min_messages;',
  ].join('\n')
}

/** What the view is, above its draft. */
function what(view: View): string {
  const { about } = sourceViews[view]
  const rows = appendedBy[view] === undefined ? 'rows change' : 'rows are only added'
  const plain = about.replaceAll('`', '')
  return `${view} (${view === requiredView ? 'required; ' : ''}${rows}): ${plain.charAt(0).toLowerCase()}${plain.slice(1)}`
}

function section(draft: ViewDraft, { schema }: RenderOptions): string {
  const { view, table, columns, joins, where, todo } = draft
  const lines = columns.map((column, place) =>
    columnLines(view, column, place === columns.length - 1, table !== undefined),
  )
  const mark = `COMMENT ON VIEW ${schema}.${view} IS '${templateMark}';`
  return [
    comment(what(view)),
    ...(todo.length === 0 ? [] : [comment(`TODO ${view}: ${todo.join('; ')}.`)]),
    `CREATE VIEW ${schema}.${view} AS`,
    'SELECT',
    ...lines,
    ...(table === undefined ? [] : [`FROM ${table.quoted} AS t`, ...joins]),
    ...(where === undefined ? [] : [`WHERE ${where}`]),
  ]
    .join('\n')
    .concat(table === undefined ? `;\n${mark}` : ';')
}

function columnLines(view: View, draft: ColumnDraft, isLast: boolean, hasTable: boolean): string {
  const { column, sql, certainty, todo } = draft
  const mayBeNull = isOptional(contract[view][column] ?? 'text')
  const marks = todo.length === 0 ? [] : [comment(`TODO ${column}: ${todo.join('; ')}.`, '  ')]
  const silent =
    hasTable && certainty === 'left' && todo.length === 0 && mayBeNull
      ? ' -- nothing like it found; NULL is allowed'
      : ''
  return [...marks, `  ${sql} AS ${column === 'interval' ? '"interval"' : column}${isLast ? '' : ','}${silent}`].join(
    '\n',
  )
}

/** The rights of database/platform/roles.sql, for this role and these schemas. */
function rights({ schema, store, role, roleText }: RenderOptions): string {
  return [
    comment(
      `The exporter's role: it reads the views and keeps a schema of its own, nothing else. It needs no right on the tables: a view is read with the rights of its owner. Give it a password with ALTER ROLE ${role} PASSWORD '…', outside this file.`,
    ),
    'DO $$',
    'BEGIN',
    `  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${roleText}) THEN`,
    `    CREATE ROLE ${role} LOGIN;`,
    '  END IF;',
    "-- A role is the whole server's: somebody else may make it at the same time.",
    'EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;',
    'END',
    '$$;',
    `GRANT USAGE ON SCHEMA ${schema} TO ${role};`,
    `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role};`,
    `CREATE SCHEMA IF NOT EXISTS ${store};`,
    `GRANT USAGE, CREATE ON SCHEMA ${store} TO ${role};`,
  ].join('\n')
}

/** A comment in lines that can be read. */
function comment(text: string, indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of inComment(text).split(' ')) {
    if (line !== '' && line.length + word.length + 1 > widthMax - indent.length) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
    .map((each, place) => `${indent}-- ${place > 0 && text.startsWith('TODO') ? '  ' : ''}${each}`)
    .join('\n')
}
