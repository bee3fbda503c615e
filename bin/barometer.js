#!/usr/bin/env node
// Runs the TypeScript command line with the Node 24 that npm brought, whatever Node started this file.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeEnvironment, nodeFlags } from '../lib/node-runtime.js'

function pinnedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`)
    const path = join(dirname(manifest), 'bin', 'node')
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

const own = Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : undefined
const node = pinnedNode() ?? own

if (node === undefined) {
  console.error(
    `barometer: found Node ${process.versions.node} and none that npm brought; expected npm ci to have run, or Node 24 or newer`,
  )
  process.exit(1)
}

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
// What Node makes of the TypeScript files is kept beside the packages, where that may be written: the program that makes it
// is 20 MB in memory, and is then not loaded.
const compileCache = fileURLToPath(new URL('../node_modules/.cache/barometer', import.meta.url))
const child = spawn(node, [...nodeFlags, main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { NODE_COMPILE_CACHE: compileCache, ...nodeEnvironment, ...process.env },
})
// Where a terminal gave the signal to the child as well, the child takes the two as one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`barometer: ${node} cannot be started: ${error.message}`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
