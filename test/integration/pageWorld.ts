import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { type ControlledSwitch, startControlled } from "./controlWorld.ts"
import { type HostProcessError, startProcess } from "./guests/HostProcess.ts"

const executablePath = "/usr/bin/chromium"
const script = fileURLToPath(new URL("PageGuest.py", import.meta.url))

/** True where Debian's Chromium is. */
export const browserRuns = fs.existsSync(executablePath)

/** A browser that asks nobody anything of its own accord, with a profile of its own. */
export const startBrowser: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({
      executablePath,
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"
      ]
    })
  ),
  (browser) => Effect.promise(() => browser.close())
)

/** A switch with its page. */
export interface LookedAt extends ControlledSwitch {
  readonly port: number
  /** Of the page, with a slash. */
  readonly url: string
}

/** @param host as it stands in a URL. */
export const startLookedAt = (
  directory: string,
  argv: ReadonlyArray<string>,
  host = "127.0.0.1",
  port = 0
): Effect.Effect<LookedAt, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const target = yield* startControlled(directory, ["--web", `${host}:${port}`, ...argv])
    const served = yield* target.process.waitUntil(
      "serving",
      () => / message="serving the page" .* port=(\d+)/.exec(target.process.stderr()) ?? undefined,
      5000
    )
    return { ...target, port: Number(served[1]), url: `http://${host}:${served[1]}/` }
  })

/** A page that is looked at, and what it asked for and complained of. */
export interface OpenPage {
  readonly page: Page
  readonly requests: ReadonlyArray<string>
  readonly complaints: ReadonlyArray<string>
}

export const openPage = (
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {}
): Effect.Effect<OpenPage, never, Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.acquireRelease(
      Effect.promise(() => browser.newContext(options)),
      (context) => Effect.promise(() => context.close())
    )
    const page = yield* Effect.promise(() => context.newPage())
    const requests: Array<string> = []
    const complaints: Array<string> = []
    page.on("request", (request) => requests.push(request.url()))
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text())
    })
    yield* Effect.promise(() => page.goto(url))
    return { page, requests, complaints }
  })

const seenMs = 8000

/**
 * Waits until it is there for who looks: a text, or one that fits. Looks whenever the browser draws; gives the
 * milliseconds that it took.
 */
export const seen = (page: Page, selector: string, text: string | RegExp): Effect.Effect<number> =>
  Effect.promise(async () => {
    const startMs = performance.now()
    const fits = typeof text === "string" ? `text.includes(${JSON.stringify(text)})` : `${text}.test(text)`
    // The page's policy lets not even a test have a condition evaluated again and again: so it is one promise.
    const isSeen = await page.evaluate<boolean>(`new Promise((resolve) => {
      const endMs = performance.now() + ${seenMs}
      const look = () => {
        const found = [...document.querySelectorAll(${JSON.stringify(selector)})].some((element) => {
          const text = element.textContent
          return ${fits} && element.checkVisibility()
        })
        if (found || performance.now() > endMs) resolve(found)
        else requestAnimationFrame(look)
      }
      look()
    })`)
    if (!isSeen) throw new Error(`not seen within ${seenMs} ms: ${selector} with ${text}`)
    return performance.now() - startMs
  })

/** A guest with a name, which is told what to do as PageGuest.py says. */
export const startPageGuest = (
  socketPath: string,
  name: string,
  number: number
): Effect.Effect<(order: string) => void, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const guest = yield* startProcess(["python3", script, socketPath, name, String(number)])
    yield* guest.waitUntil("connected", () => guest.stdout().includes("connected") || undefined, 10_000)
    return (order) => guest.write(`${order}\n`)
  })
