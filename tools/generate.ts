import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ruleGroups } from '../alerts/index.ts'
import { renderReceivers } from '../alerts/receivers.ts'
import { renderRules } from '../alerts/render.ts'
import { dashboards } from '../dashboards/index.ts'
import { panelAddress } from '../dashboards/panel-address.ts'
import { renderDashboardsPage } from './generate/dashboards-page.ts'
import { renderEnvironmentExample } from './generate/environment-example.ts'
import { renderFigureSql } from './generate/figure-sql.ts'
import { renderMetricsPage } from './generate/metrics-page.ts'
import { prometheusOfPair } from './generate/prometheus-of-pair.ts'
import { renderViewsPage } from './generate/views-page.ts'

const root = resolve(import.meta.dirname, '..')

/** Every generated file by its path below the root. Deterministic: no clock, no random, sorted where order means nothing. */
function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>()
  files.set('docs/metrics.md', renderMetricsPage())
  files.set('docs/views.md', renderViewsPage())
  files.set('docs/dashboards.md', renderDashboardsPage())
  files.set('.env.example', renderEnvironmentExample())
  for (const [path, content] of renderFigureSql()) files.set(path, content)
  for (const group of ruleGroups) files.set(`alerts/generated/${group.name}.yml`, renderRules(group, panelAddress))
  for (const dashboard of dashboards) {
    files.set(`dashboards/generated/${dashboard.uid}.json`, `${JSON.stringify(dashboard.build(), null, 2)}\n`)
  }
  files.set(
    'provisioning/alertmanager/alertmanager.yml',
    renderReceivers({
      slackUrlFile: '/run/secrets/slack_url',
      pagerdutyKeyFile: '/run/secrets/pagerduty_key',
      deadMansSwitchUrlFile: '/run/secrets/dead_mans_switch_url',
      templateFile: '/etc/alertmanager/barometer.tmpl',
    }),
  )
  files.set(
    'provisioning/scale/prometheus.yml',
    prometheusOfPair(onDisk('provisioning/prometheus/prometheus.yml') ?? ''),
  )
  return files
}

function onDisk(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return undefined
  }
}

const outdated = [...generatedFiles()].filter(([path, content]) => onDisk(path) !== content)
if (process.argv.includes('--check')) {
  for (const [path] of outdated)
    console.error(`${path} is not what its source makes of it; run npm run generate and commit it`)
  process.exitCode = outdated.length === 0 ? 0 : 1
} else {
  for (const [path, content] of outdated) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
    console.log(`wrote ${path}`)
  }
}
