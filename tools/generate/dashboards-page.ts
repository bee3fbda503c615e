import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { snapshotTimestampSeconds } from '../../catalogue/exporter.ts'
import { catalogue } from '../../catalogue/index.ts'
import { features } from '../../dashboards/features.ts'
import { dashboards } from '../../dashboards/index.ts'
import { uids } from '../../dashboards/links.ts'

interface Target {
  expr?: string
  url?: string
}

const boards = new Map(dashboards.map(({ uid, build }) => [uid as string, build()]))
const names = catalogue.map(({ name }) => name).sort((one, other) => other.length - one.length)

/** docs/dashboards.md: what was asked for and where it is seen, the boards and their variables, printed from the boards. */
export function renderDashboardsPage(): string {
  return `# Dashboards

Seven boards, written as code in \`dashboards/\`, printed to \`dashboards/generated/\` by \`npm run generate\`, and provisioned
into Grafana's folder Barometer from there; this page is printed with them. Each has a drop-down of the others that keeps
the time range and the variables, shows deploys and firing alerts as annotations, and says at its top right how old the
figures are. Figures are those of [metrics.md](metrics.md): a panel's corner has the definition.

## What was asked for, and where it is seen

| feature | asked for | board | panel | from |
|---|---|---|---|---|
${features
  .map(
    ({ feature, asked, board, panels }) =>
      `| ${feature} | ${asked} | \`${uids[board]}\` | ${panels.join('<br>')} | ${sourcesOf(uids[board], panels).join('<br>')} |`,
  )
  .join('\n')}

## The boards

${[...boards].map(([uid, board]) => renderBoard(uid, board)).join('\n')}
${notes}`
}

const notes = `## Bars that count a day

A bar stands at the beginning of what it counts, and the last is so far. It is what the figure grew by: the newest sample of
the day less the one at its beginning, so a correction in the database corrects the bar. Grafana lays daily steps on the
midnights of the board's time zone, which provisioning sets to the reporting time zone. Steps of a week begin on Thursdays,
since Prometheus counts from 1 January 1970; the audit API's \`/v1/analytics\` gives calendar weeks and months.

## What stands in a row "Not filtered by …"

A variable filters by a label. A panel whose figure does not have that label shows all, whatever is chosen, and its row says so.

## The admin app and traces

What is committed leads from the quick actions to the boards that explain them. With

    ADMIN_APP_URL=https://admin.example node tools/write-boards.ts --out DIRECTORY [--trace-url https://traces.example/trace/]

the boards are written with the quick actions leading to the admin app, and traces' ids to where traces are. Give Grafana
that directory as \`BAROMETER_DASHBOARDS\`.

## Grafana

Grafana 10.4 to 13 with the Infinity plugin 3.7.1. \`provisioning/grafana\` needs in Grafana's environment \`PROMETHEUS_URL\`,
\`AUDIT_API_URL\`, \`BAROMETER_DASHBOARDS\` (the directory of the boards), in \`/run/secrets/grafana_token\` a token made with
\`barometer audit tokens add --name grafana --grafana --scope read export --audit-reader LOGIN …\`, and these settings:

| setting | why |
|---|---|
| \`GF_DATAPROXY_SEND_USER_HEADER=true\` | an export knows who asked for it |
| \`GF_DATE_FORMATS_DEFAULT_TIMEZONE=<REPORTING_TIMEZONE>\` | days on the boards are the product's days |
| \`GF_AUTH_ANONYMOUS_ENABLED=false\` | nobody who has not signed in reads the audit log |
| \`GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH=<directory>/barometer-home.json\` | the home board is what is seen first |
`

function panelsOf(uid: string): Panel[] {
  return (boards.get(uid)?.panels ?? []) as Panel[]
}

/** The metrics and routes that panels read. */
function sourcesOf(uid: string, panels: readonly string[]): string[] {
  const targets = panelsOf(uid)
    .filter(({ title = '' }) => panels.includes(title))
    .flatMap(({ targets: found = [] }) => found as Target[])
  const metrics = targets.flatMap(({ expr = '' }) => names.filter((name) => mentionsMetric(expr, name)))
  const routes = targets.flatMap(({ url }) => (url === undefined ? [] : [`GET ${url}`]))
  // Every difference asks whether there were figures; that is no source.
  return [...new Set([...metrics, ...routes])]
    .filter((name) => name !== snapshotTimestampSeconds.name)
    .map((name) => `\`${name}\``)
}

const mentionsMetric = (expression: string, name: string): boolean =>
  new RegExp(`(?<!\\w)${name}(?:_bucket|_sum|_count)?(?!\\w)`).test(expression)

function renderBoard(uid: string, board: ReturnType<(typeof dashboards)[number]['build']>): string {
  const variables = (board.templating?.list ?? []).flatMap(({ name, label }) =>
    name === 'datasource' ? [] : [`${label} (\`${name}\`)`],
  )
  const rows = panelsOf(uid).map(({ type, title }) => (type === 'row' ? `\n- **${title}**: ` : `${title}; `))
  return `### \`${uid}\`: ${board.title}

${board.description}${variables.length === 0 ? '' : ` Variables: ${variables.join(', ')}.`}
${rows.join('').replaceAll('; \n', '\n').replace(/; $/, '')}
`
}
