import { type VariableName, variables } from '../lib/settings.ts'
import type { Variable } from '../lib/variables.ts'

/**
 * The part of a command's `--help` that lists the environment variables it reads: name, what it is for, default or
 * example. Printed from the one schema of the settings.
 */
export function environmentHelp(names: readonly VariableName[], required: readonly VariableName[] = []): string {
  const width = Math.max(...names.map((name) => shownName(name).length))
  const lines = names.map((name) => `  ${shownName(name).padEnd(width)}  ${help(name, required.includes(name))}`)
  return ['', 'Environment variables:', ...lines].join('\n')
}

export const allVariables = Object.keys(variables) as VariableName[]

/** The variables of the exporter: all but those of the audit API and of the programs that only `check` and `overview` ask. */
export const exporterVariables = allVariables.filter(
  (name) => !/^(AUDIT_|PROMETHEUS_URL|ALERTMANAGER_URL|ADMIN_APP_URL)/.test(name),
)

/** Those of `names` that a refresh alone needs: the database, the store, the clock of the business. */
export const refreshVariables: readonly VariableName[] = [
  'DATABASE_URL',
  'SOURCE_SCHEMA',
  'STORE_SCHEMA',
  'REPORTING_TIMEZONE',
  'ACTIVITY_THRESHOLDS',
  'LOG_LEVEL',
]

const s3Variables: readonly VariableName[] = [
  'S3_ENDPOINT',
  'S3_BUCKET',
  'S3_REGION',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
]

const telemetryVariables = allVariables.filter((name) => name.startsWith('OTEL_'))

/** Of what only looks at the audit log's chain. */
export const auditVerifyVariables: readonly VariableName[] = ['AUDIT_DATABASE_URL', 'AUDIT_S3_PREFIX', ...s3Variables]

export const auditApiVariables: readonly VariableName[] = [
  'AUDIT_DATABASE_URL',
  'AUDIT_LISTEN',
  'AUDIT_TOKENS_FILE',
  'AUDIT_RETENTION_MONTHS',
  'AUDIT_S3_PREFIX',
  ...s3Variables,
  'DATABASE_URL',
  'STORE_SCHEMA',
  'REPORTING_TIMEZONE',
  'STALE_AFTER',
  'PROMETHEUS_URL',
  ...telemetryVariables,
  'LOG_LEVEL',
]

const shownName = (name: VariableName): string => (variables[name].secret ? `${name}[_FILE]` : name)

function help(name: VariableName, required: boolean): string {
  const { help: text, default: fallback, example }: Variable<unknown> = variables[name]
  if (required) return `${text} Required.`
  if (fallback !== undefined) return `${text} Default: ${fallback}`
  return example === undefined ? text : `${text} Example: ${example}`
}
