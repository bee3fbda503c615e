import type { ExportResult } from './export.ts'
import type { IngestResult } from './ingest.ts'
import type { ListTiming } from './list.ts'

export interface AuditPlan {
  rows: number
  listRequests: number
  otherRequests: number
  exportRounds: number
  ingestBatches: number
  ingestRounds: number
}

export interface AuditResult {
  plan: AuditPlan
  version: string
  worldSeconds: number
  ingest: IngestResult
  list: ListTiming[]
  others: ListTiming[]
  export: ExportResult
}
