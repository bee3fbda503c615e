/** What a receiver was sent, and what is wrong with it by the receiver's own rules. */
export interface ReceivedRequest {
  receivedAt: string
  body: unknown
  problems: string[]
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character] ?? character)

interface Shown {
  name: string
  /** One line about a request. */
  line: (body: unknown) => string
}

/** What arrived, the newest first, as a page that renews itself. */
export function receiverPage({ name, line }: Shown, requests: readonly ReceivedRequest[]): string {
  const items = requests.toReversed().map(({ receivedAt, body, problems }) => {
    const refused = problems.length === 0 ? '' : `<p class="refused">refused: ${escaped(problems.join('; '))}</p>`
    const json = escaped(JSON.stringify(body, null, 2))
    return `<li style="border-color: ${colorOf(body)}"><time>${receivedAt}</time> ${escaped(line(body))}${refused}<details><summary>as sent</summary><pre>${json}</pre></details></li>`
  })
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Fake ${name}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; background: #18181b; color: #e4e4e7; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
li { list-style: none; margin: 1rem 0; padding: 0.5rem 1rem; border-left: 4px solid; background: #27272a }
time { opacity: 0.4 } .refused { color: #ef4444 } pre { overflow-x: auto }
</style></head>
<body><h1>Fake ${name}</h1>
<p>${requests.length === 0 ? 'Nothing has arrived.' : `${requests.length} arrived, the newest first.`}</p>
<ul>${items.join('\n')}</ul></body></html>
`
}

/** That of the message, where it has one. */
function colorOf(body: unknown): string {
  const color = /"color":"(#[0-9a-f]{6})"/.exec(JSON.stringify(body) ?? '')?.[1]
  return color ?? '#a855f7'
}
