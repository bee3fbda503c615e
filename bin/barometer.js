#!/usr/bin/env node
// Runs the TypeScript command line with the Node 24 that npm brought, whatever Node started this file.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

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
// Rows that stream through are garbage at once. Left alone, V8 gives them up to 48 MB of room before it looks, and an export
// held 90 MB more than an idle service; with 2 MB it was 16 MB more.
const flags = ['--max-semi-space-size=2']
// What Node makes of the TypeScript files is kept beside the packages, where that may be written: the program that makes it
// is 20 MB in memory, and is then not loaded.
const compileCache = fileURLToPath(new URL('../node_modules/.cache/barometer', import.meta.url))
// glibc gives each thread memory of its own, up to eight times the cores, and what one let go the others do not use: an idle
// audit API held 20 MB more, and its exports 20 MB more again. Other C libraries do not know the variable.
const memory = { MALLOC_ARENA_MAX: '2' }
const child = spawn(node, [...flags, main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { NODE_COMPILE_CACHE: compileCache, ...memory, ...process.env },
})
// Where a terminal gave the signal to the child as well, the child takes the two as one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`barometer: ${node} cannot be started: ${error.message}`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
