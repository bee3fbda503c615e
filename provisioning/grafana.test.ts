import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { auditApi } from '../dashboards/infinity.ts'
import { boards } from '../testing/dashboards.ts'

const root = resolve(import.meta.dirname, '..')
const read = (path: string) => parse(readFileSync(resolve(root, path), 'utf8'), { merge: true })

interface DataSource {
  uid: string
  type: string
  access: string
  url: string
  editable: boolean
  jsonData: Record<string, unknown>
  secureJsonData?: Record<string, string>
}
const { datasources }: { datasources: DataSource[] } = read('provisioning/grafana/datasources/barometer.yml')
const grafana: { image: string; environment: Record<string, string>; secrets: string[] } =
  read('docker-compose.yml').services.grafana

test('the boards find the data sources by the uids that are provisioned', () => {
  const uids = datasources.map(({ uid }) => uid)
  expect(uids).toEqual(['prometheus', auditApi.uid])
  expect(datasources[1]?.type).toBe(auditApi.type)
  for (const { access, editable } of datasources)
    expect({ access, editable }).toEqual({ access: 'proxy', editable: false })
})

test('the audit API gets one token, from a secret file, and the login of who asks; nothing else may be asked', () => {
  const [, source] = datasources
  expect(source?.jsonData).toEqual({
    auth_method: 'none',
    allowedHosts: [source?.url],
    httpHeaderName1: 'Authorization',
    httpHeaderName2: 'X-Panel-User',
  })
  expect(source?.secureJsonData).toEqual({
    httpHeaderValue1: 'Bearer $__file{/run/secrets/grafana_token}',
    httpHeaderValue2: '$${__user.login}',
  })
  expect(grafana.secrets).toContain('grafana_token')
})

test('nobody sees a board who has not signed in, an export knows who asks, and the plugin is pinned', () => {
  expect(grafana.environment).toMatchObject({
    GF_AUTH_ANONYMOUS_ENABLED: 'false',
    GF_DATAPROXY_SEND_USER_HEADER: 'true',
    GF_INSTALL_PLUGINS: expect.stringMatching(/^yesoreyeram-infinity-datasource \d+\.\d+\.\d+$/),
    GF_DATE_FORMATS_DEFAULT_TIMEZONE: '${REPORTING_TIMEZONE:-UTC}',
  })
})

test('what a provisioned file asks of the environment, docker compose gives', () => {
  const text = ['datasources', 'dashboards']
    .map((kind) => `provisioning/grafana/${kind}/barometer.yml`)
    .map((path) => readFileSync(resolve(root, path), 'utf8'))
    .join('\n')
  for (const [, name = ''] of text.matchAll(/(?<!\$)\$([A-Z][A-Z_]+)/g))
    expect(grafana.environment).toHaveProperty(name)
})

test('the home board is the first that is seen, and all boards lie in one folder that the browser cannot change', () => {
  const [provider] = read('provisioning/grafana/dashboards/barometer.yml').providers
  expect(provider).toMatchObject({ folder: 'Barometer', allowUiUpdates: false })
  expect(grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toMatch(/\/barometer-home\.json$/)
  expect(boards.map(({ uid }) => uid)).toContain('barometer-home')
})
