import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { findOnPath } from '../stack/debian-packages.ts'
import { emptyQueries } from './empty-queries.ts'
import type { RunningGrafana } from './grafana.ts'

/** High enough for every board: Grafana draws, and asks for, only what is in sight. */
const windowHeight = 6_500
const looks = [1_600, 1_280].flatMap((width) => (['light', 'dark'] as const).map((theme) => ({ width, theme })))
/** What the last panels of a board may take on a busy machine. */
const timeoutMs = 120_000

interface Board {
  uid: string
  title: string
}

/** The Chromium of the distribution, or what CHROMIUM names; undefined where there is none. */
export function findChromium(): string | undefined {
  const paths = [process.env.CHROMIUM, findOnPath(['chromium', 'chromium-browser', 'google-chrome'])]
  return paths.find((path) => path !== undefined && existsSync(path))
}

/**
 * Opens every board in a real browser, wide and narrow, light and dark, and looks for what a person would complain of: a
 * query that fails or answers nothing, an error mark, a title that is cut off, an error of the page.
 * @param screenshots where a picture of each board goes, unless undefined
 * @returns whether all is well; each thing that is not is a line on standard error
 */
export async function checkGrafana(
  grafana: RunningGrafana,
  executablePath: string,
  screenshots: string | undefined,
): Promise<boolean> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  const problems: string[] = []
  let queries = 0
  try {
    for (const { width, theme } of looks) {
      const context = await browser.newContext({ viewport: { width, height: windowHeight } })
      const boards = await signIn(context, grafana)
      for (const board of boards) {
        const look = await lookAt(context, grafana, board, { width, theme, screenshots })
        queries += look.queries
        problems.push(...look.problems.map((problem) => `${board.title} (${width}, ${theme}): ${problem}`))
      }
      await context.close()
    }
  } finally {
    await browser.close()
  }
  for (const problem of problems) process.stderr.write(`Grafana check: ${problem}\n`)
  if (problems.length === 0) {
    process.stdout.write(`Grafana check: every board is whole in ${looks.length} looks, ${queries} queries answered\n`)
  }
  return problems.length === 0
}

/** The boards that Grafana has found. */
async function signIn(context: BrowserContext, { url, password }: RunningGrafana): Promise<Board[]> {
  const answer = await context.request.post(`${url}/login`, { data: { user: 'admin', password } })
  if (!answer.ok()) throw new Error(`Grafana answers ${answer.status()} to the sign-in`)
  const found = await context.request.get(`${url}/api/search?type=dash-db&tag=barometer`)
  const boards: Board[] = await found.json()
  if (boards.length < 7) throw new Error(`Grafana has ${boards.length} boards; expected 7`)
  // The menu would take a fifth of the width.
  await context.addInitScript(() => localStorage.setItem('grafana.navigation.docked', 'false'))
  return boards
}

interface Look {
  width: number
  theme: 'light' | 'dark'
  screenshots: string | undefined
}

async function lookAt(context: BrowserContext, { url }: RunningGrafana, { uid }: Board, look: Look) {
  const { width, theme, screenshots } = look
  const page = await context.newPage()
  const problems: string[] = []
  let queries = 0
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`the console says ${message.text().slice(0, 200)}`)
  })
  page.on('pageerror', (error) => problems.push(`the page fails: ${error.message.slice(0, 200)}`))
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} from ${response.url().slice(0, 200)}`)
    if (new URL(response.url()).pathname === '/api/ds/query') queries += 1
  })
  try {
    await page.goto(`${url}/d/${uid}?theme=${theme}`, { timeout: timeoutMs })
    await page.waitForSelector('.react-grid-item', { timeout: timeoutMs })
    await page.waitForLoadState('networkidle', { timeout: timeoutMs })
    problems.push(...(await seen(page)))
    if (screenshots !== undefined) await picture(page, screenshots, `${uid}-${width}-${theme}.png`)
  } finally {
    await page.close()
  }
  return { problems: [...new Set(problems)], queries }
}

/** The panel's title follows it; the mark is for tests such as this and the same from Grafana 10 to 13. */
const panelMark = 'data-testid Panel header '

/** Of an element in the page, as far as it is looked at. */
interface Box {
  scrollWidth: number
  clientWidth: number
}

/** What can be seen to be wrong. */
async function seen(page: Page): Promise<string[]> {
  // Where one query of several may have no answer the panel still shows the others.
  const mayBeEmpty = emptyQueries.filter(({ refId }) => refId === undefined).map(({ panel }) => panel)
  const problems: string[] = []
  const panels = await page.locator(`[data-testid^="${panelMark}"]`).all()
  if (panels.length === 0) problems.push('there is no panel')
  for (const panel of panels) {
    const title = (await panel.getAttribute('data-testid'))?.slice(panelMark.length) ?? ''
    const heading = panel.locator('h2, h6').first()
    const text = (await panel.innerText()).replace(title, '').trim()
    if (await heading.evaluate(({ scrollWidth, clientWidth }: Box) => scrollWidth > clientWidth))
      problems.push(`the title of ${title} is cut off`)
    if ((await panel.locator('[data-testid*="status error"], [aria-label*="status error"]').count()) > 0)
      problems.push(`${title} has an error mark`)
    // What is not text, such as a heatmap, has axes that are none either.
    const isDrawn = text !== '' || (await panel.locator('canvas').count()) > 0
    if ((!isDrawn || /^No data$/m.test(text)) && !mayBeEmpty.includes(title)) problems.push(`${title} shows nothing`)
  }
  return problems
}

async function picture(page: Page, directory: string, name: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const { width = 0 } = page.viewportSize() ?? {}
  const boxes = await Promise.all((await page.locator('.react-grid-item').all()).map((item) => item.boundingBox()))
  const bottom = Math.max(...boxes.map((box) => (box === null ? 0 : box.y + box.height)))
  const height = Math.min(windowHeight, Math.ceil(bottom) + 16)
  await page.screenshot({ path: join(directory, name), clip: { x: 0, y: 0, width, height } })
}
