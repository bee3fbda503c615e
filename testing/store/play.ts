import { isDeepStrictEqual } from 'node:util'
import { type View, views } from '../../catalogue/views.ts'
import { collectors, layout } from '../../exporter/figures/index.ts'
import type { RefreshResult } from '../../exporter/refresh/refresh.ts'
import { sourcesOf } from '../../exporter/store/figure.ts'
import { partName, viewsOf } from '../../exporter/store/layout.ts'
import { readSnapshot, type Snapshot } from '../../exporter/store/snapshot.ts'
import { instantOf, microseconds } from '../second-implementation/rules.ts'
import { type Choices, differencesOfChoices, readChoices } from './choices.ts'
import { differencesFromPlainSql } from './compare.ts'
import { type Death, type Exporter, storeSchema } from './exporter.ts'
import { layView, Platform, viewsSchema } from './platform.ts'
import { builtAt, type Stage, type Stages } from './stages.ts'
import type { Breakage, Sequence, Step } from './steps.ts'

/** What happened, one line each, and how a refresh was not as it should be. */
export interface Played {
  story: readonly string[]
  /** Nothing where every refresh was right; the first that was not ends the sequence. */
  problems: readonly string[]
  refreshes: number
}

/** Plays a sequence from nothing to its end. */
export async function play(stages: Stages, sequence: Sequence): Promise<Played> {
  const stage = await stages.next(sequence)
  const platform = new Platform(stage.pool, stage.schema, sequence)
  if (sequence.isBuilt) platform.wasRead(views, microseconds(builtAt))
  const player = new Player(stage, platform)
  try {
    for (const step of sequence.steps) {
      await player.take(step)
      if (player.problems.length > 0) break
    }
  } catch (error) {
    player.problems.push(`thrown: ${error instanceof Error ? error.stack : error}`)
  }
  await player.end()
  return player
}

/** What the store held before a refresh. */
interface Before {
  snapshot: Snapshot | undefined
  choices: Choices
}

type RefreshStep = Step & { step: 'refresh' | 'nibble' | 'die' | 'pausedBuild' }

class Player implements Played {
  readonly story: string[] = []
  readonly problems: string[] = []
  refreshes = 0
  private readonly broken = new Map<View, { how: Breakage; refreshes: number }>()
  private readonly stage: Stage
  private readonly platform: Platform
  private readonly exporter: Exporter

  constructor(stage: Stage, platform: Platform) {
    this.stage = stage
    this.platform = platform
    this.exporter = stage.exporter
    this.story.push(`begin at ${instantOf(platform.now)} in ${platform.timezone}, ids are ${stage.schema}`)
  }

  async take(step: Step): Promise<void> {
    switch (step.step) {
      case 'insert':
        this.story.push(...(await this.platform.insert(step.rows)))
        return
      case 'change':
        this.story.push(...(await this.platform.change(step.changes)))
        return
      case 'advance':
        this.story.push(this.platform.advance(step.by))
        return
      case 'turn':
        this.story.push(...(await this.platform.turn(step.place, step.stamp)))
        return
      case 'touch':
        this.story.push(...(await this.platform.touch(step.view)))
        return
      case 'restart':
        this.story.push('restart')
        await this.exporter.restart()
        return
      case 'break':
        if (this.broken.has(step.view)) return
        this.story.push(`break ${step.view}, which is ${step.how}, for ${step.refreshes} refreshes`)
        this.broken.set(step.view, step)
        await layView(this.stage.pool, this.stage.schema, step.view, step.how)
        return
      default:
        if (step.step === 'refresh' && step.after !== null) this.story.push(this.platform.advance(step.after))
        // What waits shows figures of an earlier instant, by which it is told.
        if (step.step === 'nibble') this.story.push(this.platform.advance({ to: 'seconds', n: 1 }))
        await this.refresh(step)
    }
  }

  private async refresh(step: RefreshStep): Promise<void> {
    const asOf = instantOf(this.platform.now)
    const before = {
      snapshot: await readSnapshot(this.stage.pool, storeSchema),
      choices: await readChoices(this.stage.pool, storeSchema),
    }
    const result = await this.attempt(step, asOf)
    this.refreshes += 1
    // Also where the process died: nobody knows how far it came.
    this.platform.wasRead(views.filter((view) => !this.broken.has(view)))
    if (!(result instanceof Error)) {
      if (microseconds(result.snapshot.asOf.replace('+00', 'Z')) !== this.platform.now)
        this.problems.push(`the snapshot is of ${result.snapshot.asOf}; expected ${asOf}`)
      await this.check(result, before, step.step === 'refresh')
    }
    await this.mend()
  }

  private async attempt(step: RefreshStep, asOf: string): Promise<RefreshResult | Error> {
    if (step.step === 'nibble') {
      const { changes, entities, bites } = step
      this.story.push(
        `refresh at ${asOf} takes ${changes} rows and ${entities} entities at once, and ${bites} bites more`,
      )
      return await this.exporter.nibbleAt(asOf, { changes, entities, few: 1, ms: 0 }, bites)
    }
    if (step.step === 'refresh') {
      this.story.push(`refresh at ${asOf}`)
      return await this.exporter.refreshAt(asOf)
    }
    if (step.step === 'pausedBuild') {
      this.story.push(`refresh at ${asOf}, the build gives way after ${step.chunks} chunks`)
      return await this.exporter.refreshAt(asOf, step.chunks)
    }
    const death: Death = { statement: step.statement, after: step.after }
    const result = await this.exporter.dieAt(asOf, death)
    const what = result instanceof Error ? 'it failed' : 'it ended'
    this.story.push(`refresh at ${asOf} dies ${step.after ? 'after' : 'before'} statement ${step.statement}: ${what}`)
    return result
  }

  /** @param isWhole whether every collector must succeed whose views are as they should be */
  private async check(result: RefreshResult, before: Before, isWhole: boolean): Promise<void> {
    const { asOf } = result.snapshot
    const right = collectors.flatMap((collector) => {
      const { name } = collector
      const state = result.snapshot.collectors.get(name)
      if (state === undefined) {
        this.problems.push(`the collector ${name} is not in the snapshot`)
        return []
      }
      const obstacles = sourcesOf(collector).flatMap((view) => this.broken.get(view)?.how ?? [])
      const enabled = !obstacles.includes('missing')
      if (state.enabled !== enabled) this.problems.push(`the collector ${name} has enabled ${state.enabled}`)
      if (state.success && obstacles.length > 0)
        this.problems.push(`the collector ${name} succeeds though a view is ${obstacles.join(' and ')}`)
      // Its figures may be kept with those of others, which need more views than it does.
      const isHeldUp = layout.parts.some(
        (part) => collector.reads.some(({ of }) => partName(of) === part.name) && this.isBroken(viewsOf(part)),
      )
      if (!state.success && obstacles.length === 0 && isWhole && !isHeldUp)
        this.problems.push(`the collector ${name} fails: ${result.failures.get(name)}`)
      const last = before.snapshot?.collectors.get(name)
      // One that waits for the rest of what changed shows its last figures.
      const waits = state.success && state.asOf !== asOf
      if (waits && isWhole) this.problems.push(`the collector ${name} waits; expected figures of ${asOf}`)
      if (waits && !isDeepStrictEqual(last?.families ?? [], state.families))
        this.problems.push(`the collector ${name} waits and does not show its last figures`)
      if (!state.success && enabled && !isDeepStrictEqual(last?.families ?? [], state.families))
        this.problems.push(`the collector ${name} fails and does not show its last good figures`)
      return state.success && !waits && obstacles.length === 0 ? [[collector, state] as const] : []
    })
    const { settings } = this.exporter
    const compared = { store: storeSchema, source: viewsSchema, asOf, settings, states: right }
    this.problems.push(...(await differencesFromPlainSql(this.stage.pool, compared)))
    if (!isWhole || this.broken.size > 0) return
    const inputs = { asOf, timezone: settings.REPORTING_TIMEZONE, thresholds: settings.ACTIVITY_THRESHOLDS }
    const chosen = { store: storeSchema, source: viewsSchema, inputs, before: before.choices }
    this.problems.push(...(await differencesOfChoices(this.stage.pool, chosen)))
  }

  private isBroken(needed: readonly View[]): boolean {
    return needed.some((view) => this.broken.has(view))
  }

  /** What is broken for so many refreshes has had one more. */
  private async mend(): Promise<void> {
    for (const [view, { how, refreshes }] of this.broken) {
      if (refreshes > 1) this.broken.set(view, { how, refreshes: refreshes - 1 })
      else await this.restore(view)
    }
  }

  private async restore(view: View): Promise<void> {
    this.story.push(`mend ${view}`)
    this.broken.delete(view)
    await layView(this.stage.pool, this.stage.schema, view)
  }

  /** Leaves the views as they should be. */
  async end(): Promise<void> {
    for (const view of this.broken.keys()) await this.restore(view)
  }
}
