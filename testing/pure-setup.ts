import childProcess from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'

/** Runs before each file of pure tests: none of them may start a program. */
const starters = ['exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawn', 'spawnSync'] as const

for (const name of starters) {
  Object.assign(childProcess, {
    [name]: (): never => {
      throw new Error(`a pure test calls ${name}; expected no program, or an import that testing/tiers.ts sees`)
    },
  })
}
syncBuiltinESMExports()
