/** What is read of a node of EXPLAIN (VERBOSE, FORMAT JSON). */
export interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  Schema?: string
  Alias?: string
  'Index Name'?: string
  'Total Cost': number
  'Plan Rows': number
  Plans?: PlanNode[]
  [condition: string]: unknown
}

/** Where a condition on a view's column ended up: the table and the expression underneath, or why there is none. */
export interface Underneath {
  /** Undefined where the view computes the column from several rows or tables, so that no index can help. */
  table: { schema: string; name: string } | undefined
  /** In terms of the table's own columns, without the table's alias. */
  expression: string
  isColumn: boolean
  /** The index that the planner takes for it, once it is told to avoid reading the whole table. */
  index: string | undefined
}

const indexConditions = ['Index Cond', 'Recheck Cond']
const otherConditions = ['Filter', 'Join Filter', 'Hash Cond', 'Merge Cond', 'TID Cond']

/**
 * Follows a condition through the plan: every node that holds `literal` in a condition, one for each table or partition.
 * Empty where the planner needs no table to know the answer.
 */
export function underneath(plan: PlanNode, literal: string): Underneath[] {
  const here = underneathOf(plan, literal)
  const below = (plan.Plans ?? []).flatMap((child) => underneath(child, literal))
  return here === undefined ? below : [here, ...below.filter((found) => found.table !== undefined)]
}

function underneathOf(node: PlanNode, literal: string): Underneath | undefined {
  const holds = (name: string): string | undefined => {
    const text = node[name]
    return typeof text === 'string' && text.includes(`'${literal}'`) ? text : undefined
  }
  const byIndex = indexConditions.map(holds).find((text) => text !== undefined)
  const text = byIndex ?? otherConditions.map(holds).find((condition) => condition !== undefined)
  // A Bitmap Index Scan has no table; the Bitmap Heap Scan above it says the same with one.
  if (text === undefined || node['Node Type'] === 'Bitmap Index Scan') return undefined
  const { 'Relation Name': name, Schema: schema } = node
  const expression = operandBefore(text, literal)
  const aliases = new Set([...expression.matchAll(/("[^"]+"|\b[a-z_]\w*)\./g)].map((match) => match[1]))
  const table = name === undefined || schema === undefined || aliases.size > 1 ? undefined : { schema, name }
  const bare = expression.replaceAll(/("[^"]+"|\b[a-z_]\w*)\.(?=["a-z_])/g, '')
  return {
    table,
    expression: bare,
    isColumn: /^("[^"]+"|[a-z_]\w*)$/.test(bare),
    index: byIndex === undefined ? undefined : indexUsed(node),
  }
}

function indexUsed(node: PlanNode): string | undefined {
  return node['Index Name'] ?? (node.Plans ?? []).map(indexUsed).find((name) => name !== undefined)
}

/** The left side of `… > 'literal'`: back from the operator to the bracket that encloses the comparison. */
function operandBefore(condition: string, literal: string): string {
  const end = condition
    .slice(0, condition.indexOf(`'${literal}'`))
    .trimEnd()
    .replace(/[<>=]+$/, '').length
  let depth = 0
  let start = end
  while (start > 0) {
    const character = condition[start - 1]
    if (character === ')') depth += 1
    if (character === '(') depth -= 1
    if (depth < 0) break
    start -= 1
  }
  const text = condition.slice(start, end).trim()
  return /^\([^()]*\)$/.test(text) ? text.slice(1, -1) : text
}

/** A table that is read whole although few of its rows are wanted, and the condition by which they are joined. */
export interface WholeRead {
  schema: string
  name: string
  /** A column of the table, quoted; undefined where it is joined by something else. */
  column: string | undefined
}

/** Tables that the plan reads from end to end, where nothing but a join tells which rows belong to `literal`. */
export function readsWhole(plan: PlanNode, literal: string): WholeRead[] {
  const nodes = nodesOf(plan)
  // A join stands in the node itself, in the one above, or as the look-up of the other side.
  const conditions = nodes.flatMap((node) =>
    [...indexConditions, ...otherConditions].flatMap((name) => {
      const text = node[name]
      return typeof text === 'string' ? [text] : []
    }),
  )
  return nodes.flatMap((node): WholeRead[] => {
    const { 'Node Type': type, Schema: schema, 'Relation Name': name, Alias: alias, Filter: filter } = node
    const whole = type === 'Seq Scan' || (/^Index/.test(type) && node['Index Cond'] === undefined)
    const isAsked = typeof filter === 'string' && filter.includes(`'${literal}'`)
    if (!whole || isAsked || schema === undefined || name === undefined || alias === undefined) return []
    const own = new RegExp(`(?<![\\w"])${alias.replaceAll(/[^\w]/g, '\\$&')}\\.("(?:[^"]|"")+"|\\w+)`)
    const joins = conditions.filter(
      (text) => new Set([...text.matchAll(/("[^"]+"|\b\w+)\./g)].map((match) => match[1])).size > 1,
    )
    return [{ schema, name, column: joins.map((text) => own.exec(text)?.[1]).find((found) => found !== undefined) }]
  })
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}
