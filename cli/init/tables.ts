import { contract, type View, views } from '../../catalogue/views.ts'
import type { Catalog, Table } from './catalog.ts'
import { shareFound } from './columns.ts'
import { idOf } from './draft.ts'
import { flat, nameScore, wordsOf } from './names.ts'
import { isStripe } from './stripe.ts'
import { tableNames } from './table-names.ts'
import { linkToUser, type Users } from './user-link.ts'

/** The table that a view is likely made of, and those that could be. */
export interface Choice {
  table: Table | undefined
  isSure: boolean
  candidates: readonly Table[]
}

/** 5: below it a name says too little to build on. */
const scoreMin = 5
/** 9: the name that the view has itself, or one as clear. */
const scoreSure = 9
/** 5: a longer list of candidates is not read. */
const candidatesMax = 5

interface Scored {
  table: Table
  name: number
  score: number
}

export function chooseUsers(catalog: Catalog): Choice {
  const referred = new Map<string, number>()
  for (const table of catalog.tables) {
    for (const target of new Set(table.references.map((reference) => reference.table))) {
      referred.set(target, (referred.get(target) ?? 0) + 1)
    }
  }
  return choose('users', catalog, (table) => {
    const has = (name: string): boolean => table.columns.some((column) => flat(column.name) === flat(name))
    // NextAuth's Account is a way to log in, and belongs to a user itself.
    const isLogin = has('provider') || has('provider_account_id')
    const byKeys = Math.min(4, Math.log2(1 + (referred.get(table.quoted) ?? 0)))
    return (
      byKeys +
      (has('email') ? 1 : 0) -
      (isLogin ? 6 : 0) -
      (table.references.length > 0 && idOf(table) === undefined ? 3 : 0)
    )
  })
}

export function chooseTable(
  view: View,
  catalog: Catalog,
  users: Users | undefined,
  usersTable: Table | undefined,
): Choice {
  const needsUser = 'user_id' in contract[view]
  return choose(view, catalog, (table) => {
    if (table === usersTable) return -100
    const isLinked = !needsUser || linkToUser(catalog, users, { alias: 't', table, join: undefined }) !== undefined
    return isLinked ? 0 : -3
  })
}

function choose(view: View, catalog: Catalog, more: (table: Table) => number): Choice {
  const scored = catalog.tables
    .filter((table) => !isStripe(table) || tableNames[view].isInStripe === true)
    .map((table): Scored => {
      const name = scoreOfName(view, table)
      const shape = shareFound(view, table)
      const isTelling =
        tableNames[view].hasTellingColumns === true && shape >= 0.75 && !isBetterElsewhere(view, table, scoreMin)
      return {
        table,
        name,
        score: name + 4 * shape + (name > 0 || isTelling ? more(table) : -100) - (table.isView ? 1 : 0),
      }
    })
    .filter(({ score }) => score > 0)
    .toSorted((one, other) => other.score - one.score || other.table.rows - one.table.rows)
  const [best, next] = scored.filter(({ table, name }) => name >= scoreMin && !isBetterElsewhere(view, table, name))
  const candidates = scored
    .filter(({ table, name, score }) => table !== best?.table && (name > 0 || score >= 3))
    .slice(0, candidatesMax)
    .map(({ table }) => table)
  if (best === undefined) return { table: undefined, isSure: false, candidates }
  const isAlone = next === undefined || best.score - next.score >= 1.5
  return { table: best.table, isSure: best.name >= scoreSure && isAlone, candidates }
}

function scoreOfName(view: View, table: Table): number {
  const { names, not = [] } = tableNames[view]
  const words = wordsOf(table.name)
  const inSchema = wordsOf(table.schema)
  const scores = Object.entries(names).map(([pattern, weight]) => {
    // In a schema called billing or credits, a table called transactions says less than both together.
    const alone = nameScore(words, pattern, weight)
    return alone > 0 ? alone : Math.min(weight - 2, nameScore([...inSchema, ...words], pattern, weight))
  })
  const against = words.some((word) => not.includes(word)) ? 6 : 0
  return Math.max(0, ...scores) - against
}

/** A table that is another view's by its name is not guessed for this one. */
function isBetterElsewhere(view: View, table: Table, name: number): boolean {
  return views.some((other) => other !== view && scoreOfName(other, table) > name)
}
