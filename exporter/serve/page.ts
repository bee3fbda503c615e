import type { FastifyReply, FastifyRequest } from 'fastify'
import { contentTypes, type Format, negotiate, render, renderFamilies, type Written } from '../../lib/exposition.ts'
import type { Family } from '../store/figure.ts'
import { written } from '../store/written.ts'
import { compressFirst, type FirstPart, gzipOf } from './gzip-parts.ts'

export interface PageOptions {
  /** Milliseconds since 1970. */
  now: () => number
  /** What stays the same for a while: the same array as long as it does. */
  lasting: () => readonly Family[]
  /** What is another at each moment; few, since they are rendered each time. */
  fleeting: () => Promise<readonly Written[]>
}

/** 1 s: fifty scrapers at once are answered by one rendering, and no figure is older than that when it is asked for again. */
const renderedForMs = 1_000
/** 90 s: whoever asks once a minute still finds a page that is ready. What is ready costs a millisecond each second. */
const keptReadyMs = 90_000

/**
 * 30 s from the request to the last byte taken: three times the patience of a scrape. Who reads a byte a second is never idle, and
 * would hold what was sent for days.
 */
const takenWithinMs = 30_000

interface Body {
  format: Format
  compressed: boolean
  /** When it was asked for last. */
  askedMs: number
  untilMs: number
  body: Promise<Buffer>
}

interface Rendered {
  families: readonly Family[]
  text: Buffer
  compressed: FirstPart
}

/**
 * A page in both formats, plain and compressed. What lasts is rendered once, and before it is asked for: 15,000 series take
 * some 20 ms, for which each scrape of that moment would wait. The rest is rendered once a second for all who ask, and as long
 * as somebody does before they ask again.
 */
export function createPage({ now, lasting, fleeting }: PageOptions) {
  const rendered = new Map<Format, Rendered>()
  const bodies = new Map<string, Body>()
  let readying: NodeJS.Timeout | undefined

  function renderedOf(format: Format): Rendered {
    const families = lasting()
    const known = rendered.get(format)
    if (known?.families === families) return known
    const text = Buffer.from(renderFamilies(families.map(written), format))
    const fresh = { families, text, compressed: compressFirst(text) }
    rendered.set(format, fresh)
    return fresh
  }

  async function renderBody(format: Format, compressed: boolean): Promise<Buffer> {
    const rest = Buffer.from(render(await fleeting(), format))
    const first = renderedOf(format)
    return compressed ? gzipOf(first.compressed, rest) : Buffer.concat([first.text, rest])
  }

  function body(format: Format, compressed: boolean): Promise<Buffer> {
    readying ??= setInterval(() => makeReady(false), renderedForMs).unref()
    const key = `${format} ${compressed}`
    const known = bodies.get(key)
    if (known !== undefined && known.untilMs > now()) {
      known.askedMs = now()
      return known.body
    }
    const fresh = renderBody(format, compressed)
    bodies.set(key, { format, compressed, askedMs: now(), untilMs: now() + renderedForMs, body: fresh })
    return fresh
  }

  /** Renders what is asked for now and then; the page before serves until that is done, unless it is out of date. */
  function makeReady(isOutOfDate: boolean): void {
    for (const [key, known] of bodies) {
      if (known.askedMs + keptReadyMs <= now()) {
        bodies.delete(key)
        continue
      }
      const fresh = renderBody(known.format, known.compressed)
      const replace = (): void => {
        // It is replaced a second later by the next one: half a second more, so that no scrape falls between the two.
        if (bodies.get(key) === known) bodies.set(key, { ...known, untilMs: now() + 1.5 * renderedForMs, body: fresh })
      }
      // Where it fails the next who asks renders it, and hears of it.
      const forget = (): void => {
        if (bodies.get(key)?.body === fresh) bodies.delete(key)
      }
      if (isOutOfDate) replace()
      fresh.then(replace, forget)
    }
  }

  return {
    /** To be called when something may have changed: renders what lasts, in the formats that have been asked for. */
    prepare: () => {
      for (const format of rendered.keys()) renderedOf(format)
      makeReady(true)
    },
    stop: () => clearInterval(readying),
    answer: async (request: FastifyRequest, reply: FastifyReply) => {
      const cut = setTimeout(() => request.raw.socket.destroy(), takenWithinMs).unref()
      reply.raw.once('close', () => clearTimeout(cut))
      const format = negotiate(request.headers.accept)
      const compressed = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(String(request.headers['accept-encoding'] ?? ''))
      reply.header('content-type', contentTypes[format]).header('vary', 'accept, accept-encoding')
      if (compressed) reply.header('content-encoding', 'gzip')
      return reply.send(await body(format, compressed))
    },
  }
}
