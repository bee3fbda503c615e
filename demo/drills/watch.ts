import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import type { Barometer } from '../launcher/barometer.ts'

/** What a receiver was told. */
export interface Notice {
  receiver: 'Slack' | 'PagerDuty'
  /** Milliseconds since 1970, by the receiver's clock, which is this machine's. */
  atMs: number
  alert: string
  fires: boolean
  line: string
}

interface Received {
  receivedAt: string
  problems: string[]
  body: {
    attachments?: { title?: string }[]
    event_action?: string
    dedup_key?: string
    payload?: { class?: string; summary?: string }
  }
}

/** An alert that Prometheus has, firing or about to. */
export interface Standing {
  alert: string
  state: string
  /** Of OutageEnding, the outage. */
  cause?: string | undefined
}

const always = 'Watchdog'
const ending = 'OutageEnding'

async function json<Answer>(url: string): Promise<Answer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  return (await response.json()) as Answer
}

/** Everything that Slack and PagerDuty were told, in order; a request that they would refuse is an error. */
export async function readNotices({ slackUrl, pagerdutyUrl }: Barometer): Promise<Notice[]> {
  const [slack, pagerduty] = await Promise.all(
    [slackUrl, pagerdutyUrl].map((url) => json<Received[]>(`${url}/requests`)),
  )
  const of = (receiver: Notice['receiver'], received: readonly Received[], read: (body: Received['body']) => string) =>
    received.map(({ receivedAt, problems, body }): Notice => {
      if (problems.length > 0) throw new Error(`${receiver} refuses a message: ${problems.join('; ')}`)
      const line = read(body)
      const [, word = '', alert = line] = /^(\w+) (\w+):/.exec(line) ?? []
      return { receiver, atMs: Date.parse(receivedAt), alert, fires: word !== 'RESOLVED', line }
    })
  return [
    ...of('Slack', slack ?? [], ({ attachments }) => attachments?.[0]?.title ?? 'a message without a title'),
    ...of('PagerDuty', pagerduty ?? [], ({ payload }) => payload?.summary ?? 'an event without a summary'),
  ].toSorted((one, other) => one.atMs - other.atMs)
}

/** What Prometheus and Alertmanager have standing, but for the Watchdog. */
export async function readStanding({ prometheusUrl, alertmanagerUrl }: Barometer): Promise<Standing[]> {
  const [rules, routed] = await Promise.all([
    json<{ data: { alerts: { labels: Record<string, string>; state: string }[] } }>(`${prometheusUrl}/api/v1/alerts`),
    json<{ labels: Record<string, string> }[]>(`${alertmanagerUrl}/api/v2/alerts`),
  ])
  const named = [...rules.data.alerts, ...routed.map(({ labels }) => ({ labels, state: 'in Alertmanager' }))]
  return named
    .map(({ labels, state }) => ({ alert: labels.alertname ?? '', state, cause: labels.cause }))
    .filter(({ alert }) => alert !== always)
}

interface InhibitRule {
  source_matchers: string[]
  target_matchers: string[]
}

/** What each outage silences, as Alertmanager is told. */
export function readSilenced(): Map<string, Set<string>> {
  const file = resolve(import.meta.dirname, '..', '..', 'provisioning', 'alertmanager', 'alertmanager.yml')
  const { inhibit_rules: rules }: { inhibit_rules: InhibitRule[] } = parse(readFileSync(file, 'utf8'))
  const silenced = new Map<string, Set<string>>()
  for (const { source_matchers, target_matchers } of rules) {
    const cause = /^alertname = "(\w+)"$/.exec(source_matchers[0] ?? '')?.[1]
    const targets = /^alertname =~ "([\w|]+)"$/.exec(target_matchers[0] ?? '')?.[1]?.split('|') ?? []
    if (cause === undefined) continue
    silenced.set(cause, new Set([...(silenced.get(cause) ?? []), ...targets]))
  }
  return silenced
}

/**
 * What stands in the way of a fault: anything but an outage that has ended and silences neither what the fault pages nor
 * what follows from it.
 */
export function inTheWay(
  standing: readonly Standing[],
  alert: string | undefined,
  silenced: ReadonlyMap<string, ReadonlySet<string>>,
): Standing[] {
  const own = alert === undefined ? undefined : new Set([alert, ...(silenced.get(alert) ?? [])])
  return standing.filter((one) => {
    if (one.alert !== ending || own === undefined) return true
    return [...(silenced.get(one.cause ?? '') ?? [])].some((name) => own.has(name))
  })
}
