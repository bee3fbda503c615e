#!/usr/bin/env node
// Runs the TypeScript command line with the Node 24 that npm brought, whatever Node started this file.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const inPackage = fileURLToPath(new URL(`../node_modules/node-${process.platform}-${process.arch}/bin/node`, import.meta.url))
const own = Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : undefined
const node = existsSync(inPackage) ? inPackage : own

if (node === undefined) {
  console.error(`barometer: found Node ${process.versions.node} and none that npm brought; expected npm ci to have run, or Node 24 or newer`)
  process.exit(1)
}
const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => child.kill(signal))
}
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
