import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import dockerignore from '@balena/dockerignore'
import { pathsUnder } from '../tidy/files.ts'

/** The files of the checkout that the Dockerfile's COPY lines take into the image, sorted; .dockerignore is applied. */
export function copiedFiles(root: string): string[] {
  const read = (name: string): string => readFileSync(join(root, name), 'utf8')
  const ignored = dockerignore.default().add(read('.dockerignore'))
  const sources = [...read('Dockerfile').matchAll(/^COPY +(?!--from=)(.+) +\S+$/gm)].flatMap(([, words = '']) =>
    words.split(/ +/),
  )
  const files = sources.flatMap((source) =>
    statSync(join(root, source)).isDirectory() ? pathsUnder(root, source) : [source],
  )
  return [...new Set(files)].filter((file) => !ignored.ignores(file)).sort()
}

/** The scripts that the image and the services built from it start with node. */
export function entryPoints(root: string): string[] {
  const texts = ['Dockerfile', 'docker-compose.yml', 'docker-compose.scale.yml'].map((name) =>
    readFileSync(join(root, name), 'utf8'),
  )
  const scripts = texts.flatMap((text) =>
    [...text.matchAll(/\bnode"?,? "?([\w/-]+\.ts)\b/g)].map(([, script]) => script),
  )
  // The first line of docker-compose.yml names a script for the host, in a comment.
  return [...new Set(scripts)]
    .filter((script) => script !== undefined && script !== 'demo/compose/prepare.ts')
    .sort() as string[]
}
