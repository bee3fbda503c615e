import { expect, expectTypeOf, test } from 'vitest'
import * as kinds from './variables.ts'

const help = 'A variable.'

/** What a kind of variable makes of texts: [text, value], undefined where it refuses. */
function holds<Value>(variable: kinds.Variable<Value>, cases: readonly (readonly [string, Value | undefined])[]): void {
  for (const [text, value] of cases) expect(variable.parse(text), JSON.stringify(text)).toEqual(value)
}

test('a time is a whole number with its unit, within the range', () => {
  holds(kinds.durationMs({ help }, { minMs: 1_000, maxMs: 3_600_000 }), [
    ['60s', 60_000],
    ['1500ms', 1_500],
    ['1h', 3_600_000],
    ['999ms', undefined],
    ['61m', undefined],
    ['60', undefined],
    ['1.5m', undefined],
    ['-5s', undefined],
    ['5 s', undefined],
    ['99999999999999999999d', undefined],
  ])
})

test('a time zone is an IANA name, not an offset or an abbreviation with one', () => {
  holds(kinds.timeZone({ help }), [
    ['UTC', 'UTC'],
    ['Asia/Kolkata', 'Asia/Kolkata'],
    ['America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
    ['Mars/Olympus', undefined],
    ['+05:30', undefined],
    ["UTC'; DROP", undefined],
  ])
})

test('an address to listen on is a host and a port', () => {
  holds(kinds.listenAddress({ help }), [
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['localhost:65536', undefined],
    ['localhost', undefined],
    [':9464', undefined],
    ['9464', undefined],
    ['::1:9464', undefined],
  ])
})

test('a URL has one of the schemes and a host', () => {
  holds(kinds.url({ help, secret: false }, ['http', 'https']), [
    ['http://127.0.0.1:9090', 'http://127.0.0.1:9090'],
    ['ftp://127.0.0.1', undefined],
    ['127.0.0.1:9090', undefined],
    ['http://', undefined],
    ['', undefined],
  ])
  holds(kinds.url({ help, secret: false }, ['postgres', 'postgresql']), [
    ['postgres://user:p%40ss@host:5432/db', 'postgres://user:p%40ss@host:5432/db'],
    // A socket in a directory has no host.
    ['postgresql:///db?host=%2Frun%2Fpostgresql', 'postgresql:///db?host=%2Frun%2Fpostgresql'],
    ['mysql://host/db', undefined],
  ])
})

test('a list of addresses gives each a name, its host and port where none is written', () => {
  holds(kinds.namedUrls({ help }), [
    ['main=https://api.example/healthz', [{ name: 'main', value: 'https://api.example/healthz' }]],
    [
      'http://10.0.0.7:8188, http://10.0.0.8:8188/',
      [
        { name: '10.0.0.7:8188', value: 'http://10.0.0.7:8188' },
        { name: '10.0.0.8:8188', value: 'http://10.0.0.8:8188/' },
      ],
    ],
    ['https://api.example', [{ name: 'api.example:443', value: 'https://api.example' }]],
    ['https://api.example/?key=value', [{ name: 'api.example:443', value: 'https://api.example/?key=value' }]],
    ['a=http://x,a=http://y', undefined],
    ['a=', undefined],
    [' , ', undefined],
  ])
})

test('a name that is made from an address holds no user, password or path', () => {
  const [named] = kinds.namedUrls({ help }).parse('https://user:secret@api.example/path/secret') ?? []
  expect(named?.name).toBe('api.example:443')
  expect(kinds.hostAndPort('redis://:secret@cache')).toBe('cache:6379')
  expect(kinds.hostAndPort('postgres://user:secret@db/platform')).toBe('db:5432')
  expect(kinds.hostAndPort('http://[::1]:8080/')).toBe('[::1]:8080')
})

test('ids and names come separated by commas, none twice', () => {
  holds(kinds.namedIds({ help }), [
    [
      'main=abc123,def-4_5',
      [
        { name: 'main', value: 'abc123' },
        { name: 'def-4_5', value: 'def-4_5' },
      ],
    ],
    ['abc/def', undefined],
    ['abc,abc', undefined],
  ])
  holds(kinds.names({ help }), [
    ['generation, thumbnail', ['generation', 'thumbnail']],
    ['a,a', undefined],
    [',', undefined],
  ])
})

test('activity thresholds are three rising whole numbers from 1', () => {
  holds(kinds.activityThresholds({ help }), [
    ['1,10,50', { casual: 1, regular: 10, power: 50 }],
    [' 2, 3 ,4', { casual: 2, regular: 3, power: 4 }],
    ['10,1,50', undefined],
    ['0,10,50', undefined],
    ['1,10', undefined],
    ['1,10,50,100', undefined],
    ['1,,50', undefined],
    ['1,10,1e2', undefined],
    ['1,10.5,50', undefined],
  ])
})

test('a schema is a name that needs no quotes', () => {
  holds(kinds.identifier({ help }), [
    ['barometer_source', 'barometer_source'],
    ['Barometer', undefined],
    ['a-b', undefined],
    ['1a', undefined],
    ['a'.repeat(64), undefined],
  ])
})

test('one of several values is taken as it is written', () => {
  holds(kinds.oneOf({ help }, ['info', 'debug']), [
    ['info', 'info'],
    ['INFO', undefined],
  ])
})

test('a whole number is within its range', () => {
  holds(kinds.wholeNumber({ help }, { min: 1, max: 1_200 }), [
    ['24', 24],
    ['0', undefined],
    ['1201', undefined],
    ['1.5', undefined],
    ['1e2', undefined],
    ['', undefined],
  ])
})

test('the beginning of the names of objects has neither slashes at its ends nor strange characters', () => {
  holds(kinds.objectPrefix({ help }), [
    ['barometer-audit', 'barometer-audit'],
    ['prod/eu.1', 'prod/eu.1'],
    ['/a', undefined],
    ['a/', undefined],
    ['a//b', undefined],
    ['a b', undefined],
  ])
})

test('the definition of a text, of pairs and of a URL says whether it is a secret; no other kind can be one', () => {
  // The compiler holds these.
  interface Unmarked {
    help: string
  }
  expectTypeOf<Unmarked>().not.toExtend<Parameters<typeof kinds.text>[0]>()
  expectTypeOf<Unmarked>().not.toExtend<Parameters<typeof kinds.keyValues>[0]>()
  expectTypeOf<Unmarked>().not.toExtend<Parameters<typeof kinds.url>[0]>()
  expectTypeOf<Unmarked & { secret: true }>().not.toExtend<Parameters<typeof kinds.names>[0]>()
})

test('a secret is hidden as a whole, and of a URL the password and the query too', () => {
  expect(kinds.text({ help, secret: true }).hidden('key')).toEqual(['key'])
  expect(kinds.text({ help, secret: false }).hidden('name')).toEqual([])
  expect(kinds.keyValues({ help, secret: true }).hidden({ key: 'Bearer abc', tenant: '1' })).toEqual(['Bearer abc'])
  expect(kinds.keyValues({ help, secret: false }).hidden({ environment: 'production' })).toEqual([])
  const address = 'https://ada:p%40ss@host/path?key=value'
  const parts = [address, 'p%40ss', 'p@ss', '?key=value']
  expect(kinds.url({ help, secret: false }, ['https']).hidden(address)).toEqual(parts)
  expect(kinds.namedUrls({ help }).hidden([{ name: 'main', value: address }])).toEqual(parts)
})
