import { expect, test } from 'vitest'
import { hideSecrets, secretsOf } from './hide-secrets.ts'
import { readSettings, type VariableName, variables } from './settings.ts'

const names = Object.keys(variables) as VariableName[]
const canary = 'kept-out-of-messages'

/** Texts that hold a secret; each kind that can hold one takes at least one of them. */
const texts = [
  ...['https', 'postgres', 'redis'].flatMap((scheme) => [
    { text: `${scheme}://ada:${canary}@host/path`, part: canary },
    { text: `${scheme}://host/path?key=${canary}`, part: `?key=${canary}` },
  ]),
  { text: `header=${canary}`, part: canary },
  { text: canary, part: canary },
]
const taken = (name: VariableName) => texts.filter(({ text }) => variables[name].parse(text) !== undefined)
const refuses = (name: VariableName, text: string) => variables[name].parse(text) === undefined
const isUrl = (name: VariableName) => taken(name).length > 0 && refuses(name, 'no-url') && refuses(name, 'a=b')

/** The other half of a pair, where a setting means nothing alone. */
const others = {
  ...{ REDIS_URL: 'redis://host', RUNPOD_API_KEY: 'runpod-key', S3_BUCKET: 'images' },
  ...{ S3_ACCESS_KEY_ID: 'access-key', S3_SECRET_ACCESS_KEY: 'secret-key' },
}

test.each(names.filter((name) => variables[name].secret || isUrl(name)))('%s is hidden in messages', (name) => {
  expect(taken(name).length, `no text in lib/hide-secrets.test.ts suits ${name}; add one`).toBeGreaterThan(0)
  for (const { text, part } of isUrl(name) ? taken(name) : taken(name).slice(-1)) {
    const hide = hideSecrets(readSettings({ ...others, [name]: text }))
    const shown = hide(`it failed at ${text}, with ${part}`)
    expect(shown, `hidden() of the kind of ${name} in lib/variables.ts misses this`).not.toContain(canary)
  }
})

test('a setting that is not set hides nothing, and a shorter secret leaves nothing of a longer one', () => {
  expect(secretsOf(readSettings({}))).toEqual(['https://rest.runpod.io/v1', 'https://api.runpod.ai/v2'])
  const settings = readSettings({ ...others, S3_ACCESS_KEY_ID: 'key', S3_SECRET_ACCESS_KEY: 'key-and-more' })
  expect(hideSecrets(settings)('key-and-more, key')).toBe('(hidden), (hidden)')
})
