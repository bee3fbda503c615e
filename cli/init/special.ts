import pg from 'pg'
import type { Column, Table } from './catalog.ts'
import { columnNames } from './column-names.ts'
import { columnOf, referenceTo, type Source } from './draft.ts'
import { isJson, isList, isNumber, isText, isWholeNumber } from './expressions.ts'
import { named, nullDoubt, type Wanted } from './matching.ts'
import { flat, wordsOf } from './names.ts'
import { translate, wantedValues } from './values.ts'

/** An expression of one's own for a column; `columns` are those of the table that it uses. */
export interface Special {
  sql: string
  todo: readonly string[]
  columns: readonly string[]
  joins: readonly string[]
}

/** Columns that are more than a column of the table: values to translate, flags, money, counts. Undefined where it is none. */
export function special(wanted: Wanted, sources: readonly Source[]): Special | undefined {
  const [own] = sources
  if (own === undefined) return undefined
  const key = `${wanted.view}.${wanted.column}`
  if (key === 'users.is_internal') return internal(own)
  if (wanted.column === 'deleted_at') return deletedFlag(own)
  if (key === 'generations.is_nsfw') return rating(own)
  if (key === 'generations.image_count') return count(own)
  if (key === 'generations.aspect_ratio') return ratio(own)
  if (key === 'subscriptions.tier') return planName(sources)
  if (key === 'credit_ledger.credits') return credits(own)
  if (wanted.column.endsWith('amount_minor') || wanted.column.startsWith('mrr_')) return money(wanted, sources)
  return wantedValues(wanted.view, wanted.column) === undefined ? undefined : translated(wanted, sources)
}

const made = (column: Column, sql: string, todo: readonly string[]): Special => ({
  sql,
  todo,
  columns: [column.name],
  joins: [],
})

/** Values of others, each to the contract's. */
function translated(wanted: Wanted, sources: readonly Source[]): Special | undefined {
  const { view, column } = wanted
  const names = columnNames(view, column)
  const found = [names.sure, names.likely].flatMap((list, place) =>
    sources.flatMap((source) =>
      list.flatMap((name) => {
        const match = named(source.table, name)
        return match === undefined ? [] : [{ source, match, isSure: place === 0 && source === sources[0] }]
      }),
    ),
  )
  const flagged = found.find(({ match }) => match.type === 'boolean')
  const labelled = found.find(({ match }) => isText(match) || match.values !== undefined || match.type === 'citext')
  const best = labelled ?? flagged
  const coded = found.find(({ match }) => isWholeNumber(match))
  if (best === undefined) return coded === undefined ? undefined : codes(wanted, coded.source, coded.match)
  const { source, match, isSure } = best
  const joins = source.join === undefined ? [] : [source.join]
  if (match.type === 'boolean') return { ...flagValues(wanted, source, match), joins }
  const doubts = [
    ...(isSure ? [] : [`guessed from ${match.name}`]),
    ...(source === sources[0] ? nullDoubt(source.table, match) : []),
  ]
  const { sql, todo } = labels(wanted, match, referenceTo(source, match))
  return { sql, todo: [...doubts, ...todo], columns: [match.name], joins }
}

function labels(wanted: Wanted, match: Column, reference: string): { sql: string; todo: string[] } {
  const values = wantedValues(wanted.view, wanted.column) ?? []
  const text = isText(match) ? reference : `${reference}::text`
  const expected = `expected ${values.join(', ')}`
  if (match.values === undefined) {
    const ask = `its values are not known (no enum, no CHECK, no statistics): ask SELECT DISTINCT; ${expected}`
    return { sql: text, todo: [ask] }
  }
  const meanings = translate(wanted.view, wanted.column, match.values)
  const unknown = [...meanings].flatMap(([value, meaning]) => (meaning === undefined ? [value] : []))
  const rare = match.valuesFrom === 'statistics' ? ['its values are what the planner has seen, others may occur'] : []
  // Whatever is not open is closed: such a value needs no translation of its own.
  const open = wanted.view === 'bug_reports'
  if (unknown.length === 0 && [...meanings].every(([value, meaning]) => value === meaning))
    return { sql: text, todo: open ? [] : rare }
  if (open && unknown.length === 0 && meanings.has('open')) return { sql: text, todo: [] }
  const lines = [...meanings].flatMap(([value, meaning]) =>
    meaning === undefined ? [] : [`    WHEN ${pg.escapeLiteral(value)} THEN ${pg.escapeLiteral(meaning)}`],
  )
  const say =
    unknown.length === 0
      ? []
      : [
          `say what ${unknown.map((value) => JSON.stringify(value)).join(', ')} ${unknown.length === 1 ? 'is' : 'are'}; ${expected}`,
        ]
  if (lines.length === 0) return { sql: text, todo: [...say, ...rare] }
  return { sql: [`CASE ${text}`, ...lines, `    ELSE ${text}`, '  END'].join('\n'), todo: [...say, ...rare] }
}

/** Rails keeps an enum as a number; which number is what stands in the program alone. */
function codes(wanted: Wanted, source: Source, column: Column): Special {
  const values = wantedValues(wanted.view, wanted.column) ?? []
  const todo = `${column.name} is a number whose meaning is not in the database: write CASE ${column.quoted} WHEN 0 THEN '…' END; expected ${values.join(', ')}`
  return {
    ...made(column, `${referenceTo(source, column)}::text`, [todo]),
    joins: source.join === undefined ? [] : [source.join],
  }
}

function flagValues({ view, column }: Wanted, source: Source, flag: Column): Special {
  const name = flat(flag.name)
  const pairs: Readonly<Record<string, readonly [string, string]>> = {
    'generations.quality': name.includes('draft') ? ['draft', 'hq'] : ['hq', 'draft'],
    'subscriptions.interval': ['year', 'month'],
    'bug_reports.status': name.includes('open') ? ['open', 'closed'] : ['closed', 'open'],
  }
  const [yes, no] = pairs[`${view}.${column}`] ?? ['?', '?']
  return made(flag, `CASE WHEN ${referenceTo(source, flag)} THEN '${yes}' ELSE '${no}' END`, [
    `guessed from the flag ${flag.name}`,
  ])
}

const customerWords: readonly string[] = [
  'user',
  'customer',
  'member',
  'client',
  'regular',
  'creator',
  'subscriber',
  'free',
  'premium',
  'pro',
]

function internal(own: Source): Special | undefined {
  const names = columnNames('users', 'is_internal')
  const sure = names.sure.flatMap((name) => named(own.table, name) ?? []).find(({ type }) => type === 'boolean')
  if (sure !== undefined) return made(sure, referenceTo(own, sure), nullDoubt(own.table, sure))
  const likely = names.likely.flatMap((name) => named(own.table, name) ?? [])
  const flags = likely.filter(({ type }) => type === 'boolean')
  const role = likely.find(({ type, values }) => type !== 'boolean' && values !== undefined)
  const customers = (role?.values ?? []).filter((value) => customerWords.includes(flat(value)))
  const conditions = [
    ...flags.map((flag) => referenceTo(own, flag)),
    ...(role === undefined || customers.length === 0 ? [] : [`NOT ${isOneOf(referenceTo(own, role), customers)}`]),
  ]
  if (conditions.length === 0) return undefined
  const from = [...flags, ...(role === undefined || customers.length === 0 ? [] : [role])]
  const todo = [
    `guessed from ${from.map(({ name }) => name).join(' and ')}; staff, tests and bots are counted nowhere`,
    ...from.flatMap((column) => nullDoubt(own.table, column)),
  ]
  return {
    sql: conditions.length === 1 ? (conditions[0] ?? '') : `(${conditions.join(' OR ')})`,
    todo,
    columns: from.map(({ name }) => name),
    joins: [],
  }
}

/** In brackets, for what stands before it. Without a cast: an enum is compared as one, and its statistics are used. */
export function isOneOf(reference: string, values: readonly string[]): string {
  const list = values.map((value) => pg.escapeLiteral(value))
  return list.length === 1 ? `(${reference} = ${list[0]})` : `(${reference} IN (${list.join(', ')}))`
}

/** A flag has no instant; only where there is no column with one. */
function deletedFlag(own: Source): Special | undefined {
  const instants = columnNames('users', 'deleted_at').sure.flatMap((name) => named(own.table, name) ?? [])
  if (instants.some(({ type }) => type !== 'boolean')) return undefined
  const flag = own.table.columns.find(
    ({ name, type }) =>
      type === 'boolean' &&
      ['isdeleted', 'deleted', 'isremoved', 'removed', 'isarchived', 'archived'].includes(flat(name)),
  )
  if (flag === undefined) return undefined
  const moved = columnNames('users', 'updated_at').sure.flatMap((name) => named(own.table, name) ?? [])[0]
  if (moved === undefined) return undefined
  const zone = moved.type === 'timestamp without time zone' ? " AT TIME ZONE 'UTC'" : ''
  const todo = `guessed from the flag ${flag.name}, which has no time: the last change is taken for it, and moves with each later one`
  return made(flag, `CASE WHEN ${referenceTo(own, flag)} THEN ${referenceTo(own, moved)}${zone} END`, [todo])
}

function rating(own: Source): Special | undefined {
  const names = columnNames('generations', 'is_nsfw')
  const column = [...names.sure, ...names.likely].flatMap((name) => named(own.table, name) ?? [])[0]
  if (column === undefined || column.type === 'boolean' || column.values === undefined) return undefined
  const adult = column.values.filter(
    (value) => /nsfw|adult|explicit|mature|xxx/i.test(value) && !/^(?:not|non|no)/i.test(value),
  )
  if (adult.length === 0) return undefined
  return made(column, isOneOf(referenceTo(own, column), adult), [
    `guessed from ${column.name}`,
    ...nullDoubt(own.table, column),
  ])
}

function count(own: Source): Special | undefined {
  const names = columnNames('generations', 'image_count')
  if (names.sure.some((name) => named(own.table, name) !== undefined)) return undefined
  const lists = names.likely.flatMap((name) => named(own.table, name) ?? [])
  const list = lists.find((column) => isList(column) || isJson(column))
  if (list === undefined || lists.some((column) => isWholeNumber(column))) return undefined
  const length = isList(list)
    ? `cardinality(${referenceTo(own, list)})`
    : `${list.type}_array_length(${referenceTo(own, list)})`
  return made(list, `coalesce(${length}, 0)`, [`guessed: the length of ${list.name}`])
}

function ratio(own: Source): Special | undefined {
  if (named(own.table, 'aspect_ratio') !== undefined) return undefined
  const [width, height] = [named(own.table, 'width'), named(own.table, 'height')]
  if (width === undefined || height === undefined || !isWholeNumber(width) || !isWholeNumber(height)) return undefined
  const [w, h] = [referenceTo(own, width), referenceTo(own, height)]
  const sql = `(${w} / gcd(${w}, ${h})) || ':' || (${h} / gcd(${w}, ${h}))`
  return {
    sql,
    todo: ['guessed: width to height, shortened', ...nullDoubt(own.table, width)],
    columns: [width.name, height.name],
    joins: [],
  }
}

const planNames: readonly string[] = ['slug', 'code', 'key', 'tier', 'name', 'title', 'nickname']

/** A subscription that refers to its plan: the plan's name, not its id. */
function planName(sources: readonly Source[]): Special | undefined {
  const [own, plan] = sources
  if (own === undefined || plan === undefined) return undefined
  if (
    own.table.columns.some((column) => flat(column.name) === 'tier' && (isText(column) || column.values !== undefined))
  )
    return undefined
  const column = planNames
    .flatMap((name) => named(plan.table, name) ?? [])
    .find((match) => isText(match) || match.values !== undefined)
  if (column === undefined) return undefined
  const sql = isText(column) ? referenceTo(plan, column) : `${referenceTo(plan, column)}::text`
  const reference = own.table.references.find((key) => key.table === plan.table.quoted)
  const key = columnOf(own.table, reference?.column)
  const doubts = key === undefined ? [] : nullDoubt(own.table, key)
  return {
    sql,
    todo: [`guessed: ${column.name} of the ${plan.table.quoted} that the row refers to`, ...doubts],
    columns: [],
    joins: [plan.join ?? ''],
  }
}

/** The ledger of others has a sign; ours has a kind instead. */
function credits(own: Source): Special | undefined {
  const names = columnNames('credit_ledger', 'credits')
  const column = [...names.sure, ...names.likely].flatMap((name) => named(own.table, name) ?? []).find(isNumber)
  if (column === undefined) return undefined
  const reference = referenceTo(own, column)
  const whole = isWholeNumber(column) ? `abs(${reference})` : `round(abs(${reference}))`
  const todo =
    'abs() because entries that take credits away are often negative; expected above 0: the kind says which way they went'
  return made(column, `${whole}::bigint`, [`guessed from ${column.name}`, todo, ...nullDoubt(own.table, column)])
}

const saysMinor = (column: Column): boolean =>
  wordsOf(column.name).some((word) => ['minor', 'cent', 'penny'].includes(word))

/** Money: whole numbers in columns named after cents are minor units; of anything else it must be asked. */
function money({ view, column }: Wanted, sources: readonly Source[]): Special | undefined {
  const names = columnNames(view, column)
  const found = [...names.sure, ...names.likely].flatMap((name) =>
    sources.flatMap((source) => {
      const match = named(source.table, name)
      return match !== undefined && isNumber(match) ? [{ source, match }] : []
    }),
  )
  const [best] = found
  if (best === undefined) return undefined
  const { source, match } = best
  const reference = referenceTo(source, match)
  const parent =
    source === sources[0]
      ? nullDoubt(source.table, match)
      : [`guessed: ${match.name} of the ${source.table.quoted} that the row refers to`]
  const joins = source.join === undefined ? [] : [source.join]
  const sign = view === 'refunds' && !saysMinor(match) ? ['expected above 0'] : []
  if (isWholeNumber(match)) {
    const sql = match.type === 'bigint' ? reference : `${reference}::bigint`
    const todo = saysMinor(match)
      ? parent
      : ['guessed that it is minor units (cents): the type is a whole number', ...sign, ...parent]
    return { ...made(match, sql, todo), joins }
  }
  const todo = [
    'guessed that it is major units: the type has fractions; × 100 is right for currencies of two decimals',
    ...sign,
    ...parent,
  ]
  return { ...made(match, `round(${reference} * 100)::bigint`, todo), joins }
}

/** A column that says whether money has moved. */
export function settledColumn(table: Table): Column | undefined {
  return ['status', 'state', 'payment_status'].flatMap((name) => named(table, name) ?? [])[0]
}
