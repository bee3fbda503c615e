import type { Snapshot } from '../store/snapshot.ts'

/** The page at `/`: what this is, where the metrics are, and how the collectors stand. */
export function landingPage(options: {
  version: string
  snapshot: Snapshot | undefined
  leads: boolean
  cutOff: string | undefined
}): string {
  const { snapshot } = options
  const rows = [...(snapshot?.collectors ?? [])].map(([name, state]) => {
    const standing = !state.enabled ? 'off' : state.success ? 'good' : 'failing'
    return `<tr><td>${escapeHtml(name)}</td><td class="${standing}">${standing}</td><td>${escapeHtml(state.asOf ?? '')}</td><td>${state.durationSeconds.toFixed(3)} s</td></tr>`
  })
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Barometer exporter</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 46rem; color: #1f1f29; }
  table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .2rem .6rem .2rem 0; }
  .good { color: #15803d; } .failing { color: #b91c1c; } .off { color: #6b7280; } a { color: #a855f7; }
</style></head>
<body>
<h1>Barometer exporter ${escapeHtml(options.version)}</h1>
<p><a href="/metrics">/metrics</a> the figures and this process · <a href="/metrics/probes">/metrics/probes</a> what the
platform depends on · <a href="/livez">/livez</a> · <a href="/readyz">/readyz</a></p>
<p>${snapshot === undefined ? 'No figures yet.' : `Figures as of ${escapeHtml(snapshot.asOf)}.`} This replica ${options.leads ? 'leads' : 'follows'}.
${options.cutOff === undefined ? '' : `<span class="failing">The store cannot be reached: ${escapeHtml(options.cutOff)}</span>`}</p>
<table><thead><tr><th>collector</th><th>state</th><th>as of</th><th>last run</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>
</body></html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
