/**
 * The kinds of configuration variables: each turns a text into a typed value or says what it expected.
 * A definition is pure; `settings.ts` lists the variables and reads them.
 */
export interface Variable<Value> {
  help: string
  /** What a good value looks like, for error messages: "a URL with the scheme postgres or postgresql". */
  expected: string
  /** A secret's value is never shown, and it can also come from a file named by `<NAME>_FILE`. */
  secret: boolean
  default?: string
  example?: string
  /** The value, or undefined where the text is not one. */
  parse: (text: string) => Value | undefined
  /** The parts of a value that no message may show: all of a secret; of a URL also its password and its query. */
  hidden(value: Value): readonly string[]
}

/** For the kinds whose values cannot hold a secret: `secret` does not compile there. */
interface Options {
  help: string
  default?: string
  example?: string
  secret?: never
}

/** For the kinds that can: each variable must say whether it does. */
interface OptionsWithSecret extends Omit<Options, 'secret'> {
  secret: boolean
}

const nothing = (): readonly string[] => []

function variable<Value, Given extends Omit<Options, 'secret'> & { secret?: boolean }>(
  options: Given,
  expected: string,
  parse: Variable<Value>['parse'],
  hidden: (value: Value) => readonly string[] = nothing,
): Variable<Value> & Given {
  return { secret: false, ...options, expected, parse, hidden }
}

export function text<const Given extends OptionsWithSecret>(options: Given): Variable<string> & Given {
  return variable(
    options,
    'a text that is not empty',
    (value) => value,
    (value) => (options.secret ? [value] : []),
  )
}

export function oneOf<const Given extends Options, const Value extends string>(
  options: Given,
  values: readonly Value[],
): Variable<Value> & Given {
  return variable(options, `one of ${values.join(', ')}`, (value) => values.find((known) => known === value))
}

export function wholeNumber<const Given extends Options>(
  options: Given,
  range: { min: number; max: number },
): Variable<number> & Given {
  return variable(options, `a whole number from ${range.min} to ${range.max}`, (value) => {
    const result = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    return result >= range.min && result <= range.max ? result : undefined
  })
}

/** A number from 0 to 1, as text. */
export function share<const Given extends Options>(options: Given): Variable<string> & Given {
  return variable(options, 'a number from 0 to 1', (value) =>
    /^(0(\.\d{1,9})?|1(\.0{1,9})?)$/.test(value) ? value : undefined,
  )
}

/** A shorter value of a secret list of pairs is a number or a word, such as a tenant's: hiding it would garble messages. */
const keyCharactersMin = 8

/** Names and values as OpenTelemetry writes them, with `%` and two hexadecimal digits for special characters. */
export function keyValues<const Given extends OptionsWithSecret>(
  options: Given,
): Variable<Readonly<Record<string, string>>> & Given {
  return variable(
    options,
    'name=value pairs separated by commas, with %2C for a comma in a value',
    parsePairs,
    (pairs) => (options.secret ? Object.values(pairs).filter(({ length }) => length >= keyCharactersMin) : []),
  )
}

function parsePairs(value: string): Readonly<Record<string, string>> | undefined {
  const pairs = commaSeparated(value).map((pair) => /^([^=\s]+)=(.*)$/.exec(pair))
  try {
    return Object.fromEntries(
      pairs.map((pair) => {
        if (pair === null) throw new Error('no pair')
        return [decodeURIComponent(pair[1] ?? ''), decodeURIComponent((pair[2] ?? '').trim())]
      }),
    )
  } catch {
    return undefined
  }
}

/** The beginning of the names of objects: segments of plain characters, without a slash at either end. */
export function objectPrefix<const Given extends Options>(options: Given): Variable<string> & Given {
  return variable(
    options,
    'names of letters, digits, ., _ and - with / between them, such as barometer-audit',
    (value) => (/^[A-Za-z0-9._-]{1,100}(\/[A-Za-z0-9._-]{1,100}){0,9}$/.test(value) ? value : undefined),
  )
}

/** A name that can stand unquoted in SQL, so that no quoting error can arise anywhere. */
export function identifier<const Given extends Options>(options: Given): Variable<string> & Given {
  return variable(options, 'a lower-case SQL name such as barometer (a-z, 0-9, _)', (value) =>
    /^[a-z_][a-z0-9_]{0,62}$/.test(value) ? value : undefined,
  )
}

function parseUrl(value: string, schemes: readonly string[]): string | undefined {
  if (!URL.canParse(value)) return undefined
  const { protocol, host } = new URL(value)
  return schemes.includes(protocol.slice(0, -1)) &&
    (host !== '' || protocol === 'postgres:' || protocol === 'postgresql:')
    ? value
    : undefined
}

/** The URL, and the parts of it that a library's message may have without the rest. */
function hiddenInUrl(address: string): string[] {
  const { password, search } = new URL(address)
  return [address, password, decoded(password), search].filter((part) => part !== '')
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Hidden in messages in any case; `secret` says whether it can also come from a file. */
export function url<const Given extends OptionsWithSecret>(
  options: Given,
  schemes: readonly string[],
): Variable<string> & Given {
  const expected = `a URL with the scheme ${schemes.join(' or ')}`
  return variable(options, expected, (value) => parseUrl(value, schemes), hiddenInUrl)
}

/** Something that is watched: its name is the label `target`, never the address with what may be secret in it. */
export interface Named {
  name: string
  value: string
}

const commaSeparated = (value: string): string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** All items parsed, or undefined where one is not good, none is there or a name stands twice. */
function parseNamed(value: string, parseItem: (item: string) => Named | undefined): Named[] | undefined {
  const items: Named[] = []
  for (const item of commaSeparated(value)) {
    const named = parseItem(item)
    if (named === undefined || items.some((other) => other.name === named.name)) return undefined
    items.push(named)
  }
  return items.length === 0 ? undefined : items
}

export function namedUrls<const Given extends Options>(options: Given): Variable<Named[]> & Given {
  const expected =
    'http or https URLs separated by commas, each with an optional name before it (main=https://host/path), no name twice'
  return variable(
    options,
    expected,
    (value) =>
      parseNamed(value, (item) => {
        const [, name, address = ''] = /^(?:([A-Za-z0-9_.-]+)=)?(.*)$/.exec(item) ?? []
        if (parseUrl(address, ['http', 'https']) === undefined) return undefined
        return { name: name ?? hostAndPort(address), value: address }
      }),
    (named) => named.flatMap(({ value }) => hiddenInUrl(value)),
  )
}

export function namedIds<const Given extends Options>(options: Given): Variable<Named[]> & Given {
  const expected =
    'ids (letters, digits, - and _) separated by commas, each with an optional name before it (main=abc123), no name twice'
  return variable(options, expected, (value) =>
    parseNamed(value, (item) => {
      const match = /^(?:([A-Za-z0-9_.-]+)=)?([A-Za-z0-9_-]+)$/.exec(item)
      return match?.[2] === undefined ? undefined : { name: match[1] ?? match[2], value: match[2] }
    }),
  )
}

export function names<const Given extends Options>(options: Given): Variable<string[]> & Given {
  return variable(options, 'names separated by commas, none twice', (value) => {
    const items = commaSeparated(value)
    return items.length > 0 && new Set(items).size === items.length ? items : undefined
  })
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A stretch of time in milliseconds. */
export function durationMs<const Given extends Options>(
  options: Given,
  range: { minMs: number; maxMs: number },
): Variable<number> & Given {
  return variable(
    options,
    `a time such as 500ms, 60s, 15m or 2h, from ${range.minMs} ms to ${range.maxMs} ms`,
    (value) => {
      const match = /^(\d+)(ms|s|m|h|d)$/.exec(value)
      if (match === null) return undefined
      const result = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
      return result >= range.minMs && result <= range.maxMs ? result : undefined
    },
  )
}

export function timeZone<const Given extends Options>(options: Given): Variable<string> & Given {
  return variable(options, 'an IANA time zone such as UTC, Europe/Berlin or Asia/Kolkata', (value) => {
    if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(value)) return undefined
    try {
      new Intl.DateTimeFormat('en', { timeZone: value })
      return value
    } catch {
      return undefined
    }
  })
}

export interface ActivityThresholds {
  casual: number
  regular: number
  power: number
}

/** From how many generations in 30 days a user is casual, regular, power. */
export function activityThresholds<const Given extends Options>(options: Given): Variable<ActivityThresholds> & Given {
  return variable(options, 'three rising whole numbers: casual,regular,power, such as 1,10,50', (value) => {
    const [casual = 0, regular = 0, power = 0, ...rest] = value
      .split(',')
      .map((item) => (/^\s*\d+\s*$/.test(item) ? Number(item) : Number.NaN))
    const whole = [casual, regular, power].every((number) => Number.isSafeInteger(number) && number >= 1)
    return whole && rest.length === 0 && casual < regular && regular < power ? { casual, regular, power } : undefined
  })
}

export interface ListenAddress {
  host: string
  port: number
}

export function listenAddress<const Given extends Options>(options: Given): Variable<ListenAddress> & Given {
  return variable(options, 'host:port such as 127.0.0.1:9464 or [::]:9464 (port 0 takes any free one)', (value) => {
    const match = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_.-]+):(\d{1,5})$/.exec(value)
    const port = Number(match?.[2])
    return match?.[1] !== undefined && port <= 65_535 ? { host: match[1].replace(/^\[|\]$/g, ''), port } : undefined
  })
}

const defaultPorts: Record<string, string> = { 'http:': '80', 'https:': '443', 'redis:': '6379', 'rediss:': '6379' }

/** `host:port` of a URL: how a target without a name is called. Never user names, passwords or paths. */
export function hostAndPort(address: string): string {
  const { hostname, port, protocol } = new URL(address)
  return `${hostname === '' ? 'localhost' : hostname}:${port === '' ? (defaultPorts[protocol] ?? '5432') : port}`
}
