import { renameSync, writeFileSync } from 'node:fs'

/** Loaded before a service (--import): writes the least heap of the last minute to HEAP_FILE, in bytes, each second. */
const looksKept = 240
const file = process.env.HEAP_FILE ?? 'heap'
const looks: number[] = []
let ticks = 0
setInterval(() => {
  looks.push(process.memoryUsage().heapUsed)
  if (looks.length > looksKept) looks.shift()
  // What a collection has just left is what is held.
  if (++ticks % 4 !== 0) return
  writeFileSync(`${file}.new`, String(Math.min(...looks)))
  renameSync(`${file}.new`, file)
}, 250).unref()
