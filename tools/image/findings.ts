import type { Import } from '../arrows/import-graph.ts'

interface Image {
  /** The files that the image takes in, from the root. */
  copied: readonly string[]
  /** What each file of the checkout imports. */
  imports: ReadonlyMap<string, readonly Import[]>
  /** The scripts that are run in it, and what it is there to hand out. */
  entryPoints: readonly string[]
  /** The names of the packages that are installed in it. */
  dependencies: readonly string[]
}

/**
 * One line for each thing in the image that production does not use, and for each that it lacks. Code that no entry point
 * reaches is test code, a second implementation or dead.
 */
export function imageFindings({ copied, imports, entryPoints, dependencies }: Image): string[] {
  const reached = reachedFrom(entryPoints, imports)
  const used = new Set(
    copied.flatMap((file) => (imports.get(file) ?? []).flatMap(({ packageName }) => packageName ?? [])),
  )
  return [
    ...copied
      .filter((file) => imports.has(file) && !reached.has(file))
      .map((file) => `${file} is in the image, and no entry point imports it; expected it in testing/, or not copied`),
    ...copied
      .filter((file) => /(^|\/)(golden|testing)\/|\.test\.ts$/.test(file))
      .map((file) => `${file} is in the image; expected no file of tests`),
    ...[...reached]
      .filter((file) => !copied.includes(file))
      .map((file) => `${file} is imported in the image and not in it; expected a COPY line in the Dockerfile`),
    ...copied.flatMap((file) =>
      (imports.get(file) ?? []).flatMap(({ packageName }) =>
        packageName === undefined || dependencies.includes(packageName)
          ? []
          : [`${file} imports ${packageName}; expected a package of "dependencies" in package.json`],
      ),
    ),
    ...dependencies
      .filter((name) => !used.has(name))
      .map((name) => `no code in the image imports ${name}; expected it in "devDependencies" of package.json`),
  ]
}

function reachedFrom(entryPoints: readonly string[], imports: Image['imports']): Set<string> {
  const reached = new Set(entryPoints)
  // A set that grows while it is gone through is gone through to its end.
  for (const file of reached) {
    for (const { to, packageName } of imports.get(file) ?? []) if (packageName === undefined) reached.add(to)
  }
  return reached
}
