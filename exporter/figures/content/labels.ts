import { generationsFinished } from '../../../catalogue/content.ts'
import { valuesOf } from '../../../catalogue/define.ts'
import { inRange, passes } from '../../store/ranges.ts'
import { fold, foldOneOf, notInternal } from '../rules.ts'
import { account } from '../states/account.ts'
import { generation, isOver } from '../states/generation.ts'

/** Labels of a generation `g`. */
export const type = foldOneOf('g.type', valuesOf(generationsFinished.labels.type))
export const quality = foldOneOf('g.quality', valuesOf(generationsFinished.labels.quality))
export const rating = `CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END`
export const aspectRatio = fold('g.aspect_ratio', 'aspect_ratio')

/** Generations of everyone but internal users, for the past of a figure. */
export const generationRows = (columns: string, where: string): string => `
SELECT ${columns}
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${where}`

/** What range functions over generations tell apart and filter by. */
export const dimensions = { type, quality, rating, aspect_ratio: aspectRatio }
export const isAskedFor = [passes('type', type), passes('quality', quality), passes('rating', rating)].join(' AND ')
export const countedGenerations = `FROM generations g LEFT JOIN rollup_account u ON u.id = g.user_id
  WHERE ${notInternal} AND ${isAskedFor}`
export const endedInRange = `${isOver} AND ${inRange('g.finished_at')}`
export const needs = ['users', account, 'generations', generation] as const
