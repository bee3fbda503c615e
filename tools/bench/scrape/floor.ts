import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { scrapeHeaders } from './load.ts'

/**
 * The least that such an answer costs: a bare server that sends what an exporter answered once, byte for byte.
 * Argument: the exporter's page. Writes one line: the address of its own. Runs until it is stopped.
 */
const [page = ''] = process.argv.slice(2)
const { headers, body } = await ask(page)
const server = createServer((_, answer) => {
  answer.writeHead(200, headers)
  answer.end(body)
})
server.keepAliveTimeout = 65_000
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`http://127.0.0.1:${port}/metrics\n`)
})
process.once('SIGTERM', () => process.exit(0))

function ask(url: string): Promise<{ headers: Record<string, string>; body: Buffer }> {
  return new Promise((done, fail) => {
    request(url, { headers: scrapeHeaders }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', fail)
      answer.on('end', () => {
        const same = ['content-type', 'content-encoding', 'content-length', 'vary']
        const sent = same.map((name) => [name, String(answer.headers[name] ?? '')] as const)
        done({ headers: Object.fromEntries(sent), body: Buffer.concat(chunks) })
      })
    })
      .on('error', fail)
      .end()
  })
}
