import type { View } from '../../catalogue/views.ts'

/**
 * How the store is told what to keep. A feed reads what changed in one view since the last refresh; facts are added up from
 * a feed; a domain keeps, for each entity (a user, a generation), what it contributes now and the instant at which that
 * changes by the clock alone. All three end in cells: running sums by key, which is all that a refresh reads.
 */

/** A type of Postgres, or the type that a column of a view has. */
export type ColumnType = string | { view: View; column: string }

/**
 * What sums are kept for: `ever` is one sum of all, `week` seven local days from Monday, `day` a local day, `hour` an hour of
 * UTC within a local day, `slot` some minutes of such an hour.
 */
export type Grain = 'ever' | 'week' | 'day' | 'hour' | 'slot'

/**
 * Hours and slots are kept for 40 days: no window is longer than 30, and the nightly comparison looks at 35. In the end each
 * table of sums so grows by its days alone.
 */
export const fineDaysKept = 40

/** Running sums by key over rows of a relation `s`: each row adds its amounts, and 1 to the count `n`. */
export interface Cells {
  /** The table is `rollup_<name>`. */
  name: string
  /** Column to expression over `s`; a key is text or a number, never NULL. */
  keys: Readonly<Record<string, { type: string; from: string }>>
  /** Column to expression over `s`; numeric, NULL adds nothing. */
  amounts?: Readonly<Record<string, string>>
  /** Which rows count. */
  where?: string
  /** Where one row counts several times: a join to `s`. */
  join?: string
  /**
   * The instant of a row and the grains in which sums are kept, coarsest first; one sum of all where left out. A slot has
   * `slotMinutes`, a divisor of 60: the fewer, the less is read row by row at a window's edge, and the more sums there are.
   * With `daysKept` what is older is not looked at when history is built, since no window reaches it.
   */
  at?: { instant: string; grains: readonly Grain[]; slotMinutes?: number; daysKept?: number }
}

/** Rows of an append-only view, each added once. `s` has the view's columns and `counted`, whether the user is nobody internal. */
export interface Facts {
  view: View
  cells: readonly Cells[]
}

/** What is kept of entities (users, generations) whose contribution is a pure function of the views and the instant. */
export interface State {
  /** The table is `rollup_<name>`. */
  name: string
  /** What the contribution reads. */
  views: readonly View[]
  /** Other states whose tables its statements look into, beside the accounts: these are laid out wherever it is. */
  asks?: readonly State[]
  /**
   * The view of whose rows this is the state, one each: it then keeps the version of the row that the feed has told of, so
   * that a row which is written again as it was is known to be unchanged.
   */
  rowsOf?: View
  /** The entities, and the column by whose index they are walked through, where it is not the id. */
  entity: { view: View; id: string; walkedBy?: string }
  /** What is kept of a contribution, beside `id` and `next_at`. */
  columns: Readonly<Record<string, ColumnType>>
  /**
   * Selects `id`, the columns in their order, and `next_at` (strictly after :as_of, or NULL) from entities `d(id)`; with an
   * alias for the entity's own row of its view, under which it is joined. One that is not found in the views has no row.
   */
  contribution: (entities: (alias?: string) => string) => string
  /**
   * By view, the ids that a change makes dirty: a SELECT over `changed`, which has the view's columns and `is_new`.
   * Where nothing is said it is the view's `user_id`; the empty string says that such a change matters to none.
   */
  dirtiedBy?: Partial<Record<View, string>>
  /**
   * How an entity's state `s` goes on where nothing but the clock has moved, so that the views need not be asked: the values
   * of the columns and of `next_at`, in their order, for those of which `where` holds. Its contribution must be the same.
   */
  aged?: { where: string; values: readonly string[] }
  /** The ids that depend on the flag of the users in `turned(user_id)`, who turned internal or back. */
  turnedBy?: string
  /** Further indexes of the state: the part after ON. */
  indexes?: readonly string[]
}

/** A state with all the sums that figures read of it. */
export interface Domain extends State {
  cells: readonly Cells[]
}

export const stateOf = (domain: Pick<State, 'name'>): string => `rollup_${domain.name}`
export const dirtyOf = (domain: Pick<State, 'name'>): string => `rollup_${domain.name}_dirty`
export const turnedOf = (name: string): string => `rollup_${name}_turned`
export const cellsOf = (cells: Pick<Cells, 'name'>): string => `rollup_${cells.name}`
export const seenOf = (view: View): string => `rollup_${view}_seen`

/** How long after its own time column a row may become visible and still be seen by the next refresh. */
export const overlap = `interval '2 hours'`

/** Look-ups by index, whatever the planner believes of the number of rows: OFFSET 0 keeps a subquery from being joined. */
export const lookUp = (columns: string, from: string): string => `LATERAL (SELECT ${columns} FROM ${from} OFFSET 0)`

/** An instant where it is still ahead of as_of: what a contribution waits for. */
export const ahead = (instant: string): string => `CASE WHEN ${instant} > :as_of THEN ${instant} END`
