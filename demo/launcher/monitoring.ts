import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse, stringify } from 'yaml'

const root = resolve(import.meta.dirname, '..', '..')

/** The addresses of each job's targets. */
interface Scraped {
  exporter: string | readonly string[]
  auditApi: string
  platformApi: string
  alertmanager: string | readonly string[]
  prometheus: string
}

/**
 * Lays out what Prometheus reads: the configuration that everybody gets, the generated rules, and files that name this
 * demo's targets.
 * @param externalLabels beside the environment, such as which one of a pair it is
 * @returns the configuration's path
 */
export function writePrometheusFiles(
  directory: string,
  targets: Scraped,
  externalLabels: Readonly<Record<string, string>> = {},
): string {
  for (const folder of ['rules', 'targets']) mkdirSync(join(directory, folder), { recursive: true })
  const rules = join(root, 'alerts', 'generated')
  for (const file of readdirSync(rules)) copyFileSync(join(rules, file), join(directory, 'rules', file))
  const jobs = {
    'barometer-exporter': targets.exporter,
    'barometer-audit-api': targets.auditApi,
    'platform-api': targets.platformApi,
    alertmanager: targets.alertmanager,
    prometheus: targets.prometheus,
  }
  for (const [job, urls] of Object.entries(jobs)) {
    const hosts = [urls].flat().map((url) => new URL(url).host)
    writeFileSync(join(directory, 'targets', `${job}.json`), JSON.stringify([{ targets: hosts }]))
  }
  const configuration = parse(readFileSync(join(root, 'provisioning', 'prometheus', 'prometheus.yml'), 'utf8'))
  Object.assign(configuration.global.external_labels, { environment: 'demo' }, externalLabels)
  const path = join(directory, 'prometheus.yml')
  writeFileSync(path, stringify(configuration))
  return path
}

interface Receivers {
  slackUrlFile: string
  pagerdutyKeyFile: string
  deadMansSwitchUrlFile: string
  /** Where PagerDuty's events go instead of PagerDuty. */
  pagerdutyUrl: string
  /** Where Alertmanager finds the templates; beside the configuration unless given. */
  templateFile?: string
}

/**
 * Lays out what Alertmanager reads: the configuration that everybody gets, with this demo's secret files and the fake
 * PagerDuty's address.
 * @returns the configuration's path
 */
export function writeAlertmanagerFiles(directory: string, receivers: Receivers): string {
  mkdirSync(directory, { recursive: true })
  const source = join(root, 'provisioning', 'alertmanager')
  copyFileSync(join(source, 'barometer.tmpl'), join(directory, 'barometer.tmpl'))
  const configuration = parse(readFileSync(join(source, 'alertmanager.yml'), 'utf8'))
  configuration.templates = [receivers.templateFile ?? resolve(directory, 'barometer.tmpl')]
  for (const receiver of configuration.receivers) {
    for (const slack of receiver.slack_configs ?? []) slack.api_url_file = receivers.slackUrlFile
    for (const webhook of receiver.webhook_configs ?? [])
      webhook.url = `http://read-from-file.invalid${receivers.deadMansSwitchUrlFile}`
    for (const pagerduty of receiver.pagerduty_configs ?? []) {
      pagerduty.routing_key_file = receivers.pagerdutyKeyFile
      pagerduty.url = receivers.pagerdutyUrl
    }
  }
  const path = join(directory, 'alertmanager.yml')
  writeFileSync(path, stringify(configuration))
  return path
}
