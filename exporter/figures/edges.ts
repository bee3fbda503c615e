import type { View } from '../../catalogue/views.ts'
import { type RangeEdge, viewEdge as viewEdgeOf } from '../store/ranges.ts'
import { type Edge, rowEdge as rowEdgeOf } from '../store/windows.ts'
import { account } from './states/account.ts'

/** The rows of a view that has users, at the edge of a rolling window. Needs an index on the instant. */
export const rowEdge = (view: View, instant: string): Edge => rowEdgeOf(account, view, instant)

/** The same at the edges of a range. */
export const viewEdge = (view: View, instant: string): RangeEdge => viewEdgeOf(account, view, instant)
