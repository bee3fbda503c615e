import { Gauge } from 'prom-client'
import { auditChainHeadSequence, auditChainValid, auditUnsealedEvents } from '../../catalogue/audit.ts'
import type { ServiceRegistry } from '../../lib/service-metrics.ts'
import type { ChainState } from './sealer.ts'

/** What the metrics say of the chain. A figure is absent as long as it is not known. */
export interface ChainFigures {
  show(state: ChainState): void
  showValid(valid: boolean | undefined): void
  /** The database cannot be asked: what was known is not known any more. */
  clear(): void
}

export function createChainFigures(registry: ServiceRegistry): ChainFigures {
  const unsealed = figure(registry, auditUnsealedEvents)
  const head = figure(registry, auditChainHeadSequence)
  const valid = figure(registry, auditChainValid)
  return {
    show: (state) => {
      unsealed(state.unsealed)
      head(state.head?.sequence ?? 0)
    },
    showValid: (is) => valid(is === undefined ? undefined : Number(is)),
    clear: () => {
      for (const set of [unsealed, head, valid]) set(undefined)
    },
  }
}

function figure(registry: ServiceRegistry, { name, help }: { name: string; help: string }) {
  const gauge = new Gauge({ name, help, registers: [] })
  return (value: number | undefined): void => {
    if (value === undefined) registry.removeSingleMetric(name)
    else {
      gauge.set(value)
      registry.registerMetric(gauge)
    }
  }
}
