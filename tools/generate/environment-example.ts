import { variables } from '../../lib/settings.ts'
import type { Variable } from '../../lib/variables.ts'

/** `.env.example`: every variable with what it is for, its default or an example. Only the first is required. */
export function renderEnvironmentExample(): string {
  const blocks = Object.entries(variables).map(([name, variable]: [string, Variable<unknown>]) => {
    const file = variable.secret ? `\n# Or ${name}_FILE, a file that holds it.` : ''
    const required = name === 'DATABASE_URL' ? '' : '#'
    const shown = variable.default ?? variable.example ?? ''
    return `# ${variable.help}\n# Expected: ${variable.expected}.${file}\n${required}${name}=${shown}\n`
  })
  return `# Configuration of Barometer. What is commented out is off, or has the default shown.\n\n${blocks.join('\n')}`
}
