import { masks } from './masks.ts'

/** Behind a character that a local part can end with: most of the @ in a stack are scopes of packages. */
const at = /(?<=[\p{L}\p{N}._+'-])(?:@|%40)/gu
const localPart = /[\p{L}\p{N}_][\p{L}\p{N}._+'-]{0,63}$/u
/** Not the version in react@18.2.0-rc.one, nor the size in icon@2x.png. */
const domain =
  /(?!\d{1,5}\.\d|\dx\.)(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,62}[\p{L}\p{N}])?\.){1,8}\p{L}{2,24}(?![\p{L}\p{N}])/uy

/** Takes e-mail addresses out, also as in a URL, with %40. Looks around each @ only, which is what makes it fast. */
export function maskAddresses(text: string): string {
  let masked = ''
  let copied = 0
  for (const found of text.matchAll(at)) {
    const before = localPart.exec(text.slice(Math.max(copied, found.index - 64), found.index))?.[0]
    domain.lastIndex = found.index + found[0].length
    if (before === undefined || !domain.test(text)) continue
    masked += text.slice(copied, found.index - before.length) + masks.email
    copied = domain.lastIndex
  }
  return masked + text.slice(copied)
}
