/** Imports of a file, by its path from the root. */
export type Imports = ReadonlyMap<string, readonly string[]>

/** Arrows between the files and sub-folders of one folder that lead around. */
export interface FolderCircle {
  /** '' for the root. */
  folder: string
  /** The arrow with the fewest imports: the one that most likely points the wrong way. */
  back: Arrow
  /** The arrows that lead from its head back to its tail. */
  others: readonly Arrow[]
}

interface Arrow {
  from: string
  to: string
  /** The imports that make this arrow. */
  imports: readonly { file: string; imports: string }[]
}

/**
 * Finds arrows back up: in each folder, at every depth, the graph of its direct children (files and sub-folders) may have
 * no circle. A circle between files alone is left out, since it is a circle of imports.
 */
export function folderCircles(files: Imports): FolderCircle[] {
  return [...arrowsByFolder(files)]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([folder, arrows]) => circlesIn(arrows).map((circle) => toFolderCircle(folder, circle)))
    .filter(({ back, others }) => [back, ...others].some(({ from }) => !files.has(from)))
}

/** An import is an arrow in one folder: the deepest that holds both files. */
function arrowsByFolder(files: Imports): Map<string, Arrow[]> {
  const steps = [...files].flatMap(([file, imported]) =>
    imported
      .filter((target) => files.has(target) && target !== file)
      .map((target) => {
        const [tail, head] = [file.split('/'), target.split('/')]
        const depth = tail.findIndex((name, index) => name !== head[index])
        const childOf = (path: readonly string[]): string => path.slice(0, depth + 1).join('/')
        return { folder: tail.slice(0, depth).join('/'), from: childOf(tail), to: childOf(head), file, imports: target }
      }),
  )
  const arrowsIn = (inFolder: typeof steps): Arrow[] =>
    [...Map.groupBy(inFolder, ({ from, to }) => `${from} ${to}`).values()].map((same) => ({
      from: same[0]?.from ?? '',
      to: same[0]?.to ?? '',
      imports: same.map(({ file, imports }) => ({ file, imports })),
    }))
  const byFolder = Map.groupBy(steps, ({ folder }) => folder)
  return new Map([...byFolder].map(([folder, inFolder]) => [folder, arrowsIn(inFolder)]))
}

/** Takes one arrow out of each circle, the shortest circle first, until there is none. */
function circlesIn(arrows: readonly Arrow[]): Arrow[][] {
  const shortest = arrows
    .map((arrow) => [arrow, ...(pathBetween(arrow.to, arrow.from, arrows) ?? [])])
    .filter((circle) => circle.length > 1)
    .sort((one, other) => one.length - other.length)[0]
  if (shortest === undefined) return []
  const back = lightest(shortest)
  return [shortest, ...circlesIn(arrows.filter((arrow) => arrow !== back))]
}

/** The fewest arrows from one node to another. */
function pathBetween(from: string, to: string, arrows: readonly Arrow[]): Arrow[] | undefined {
  const paths = new Map<string, Arrow[]>([[from, []]])
  for (const [node, path] of paths) {
    if (node === to) return path
    for (const arrow of arrows) if (arrow.from === node && !paths.has(arrow.to)) paths.set(arrow.to, [...path, arrow])
  }
  return undefined
}

function toFolderCircle(folder: string, circle: readonly Arrow[]): FolderCircle {
  const back = lightest(circle)
  const at = circle.indexOf(back)
  return { folder, back, others: [...circle.slice(at + 1), ...circle.slice(0, at)] }
}

const lightest = (arrows: readonly Arrow[]): Arrow =>
  arrows.reduce((least, arrow) => (arrow.imports.length < least.imports.length ? arrow : least))
