import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import type { Page } from "playwright-core"
import { scratchDirectory } from "./guests/Scratch.ts"
import { browserRuns, openPage, seen, startBrowser, startLookedAt, startPageGuest } from "./pageWorld.ts"

/** A name that a page must not take for anything but a name; processes have 15 octets for it. */
const hostileName = "<b onclick=x>hi"

const simulated = ["--simulate", "--seed", "1"]

/** A person sees what happens within a second. */
const withinMs = 1000

const evaluate = <A>(page: Page, code: string): Effect.Effect<A> => Effect.promise(() => page.evaluate<A>(code))

const rowOf = (port: number): string => `#port-rows tr[data-port="${port}"]`

const inChromium = describe.runIf(browserRuns)

inChromium("the page in Chromium", () => {
  it.scopedLive("shows within a second that a port appears, floods, and is denied, and why", () =>
    Effect.gen(function*() {
      const target = yield* startLookedAt(yield* scratchDirectory(), simulated)
      const browser = yield* startBrowser
      const { complaints, page, requests } = yield* openPage(browser, target.url)
      yield* seen(page, "#state", /^Live$/)
      yield* seen(page, rowOf(0), "host")
      yield* startPageGuest(target.socketPath, "linux.uml", 1)
      yield* seen(page, rowOf(1), "linux.uml")
      const took = { appeared: [] as Array<number>, flooded: [] as Array<number>, denied: [] as Array<number> }
      for (const port of [2, 3, 4]) {
        const tell = yield* startPageGuest(target.socketPath, hostileName, port)
        took.appeared.push(yield* seen(page, rowOf(port), hostileName))
        yield* seen(page, `#drawing [data-port="${port}"] .name`, /^<b onclick/)
        tell("flood 600")
        took.flooded.push(yield* seen(page, `${rowOf(port)} td[data-title^="From"] .figure`, /^\d{3}$/))
        yield* seen(page, `#drawing [data-port="${port}"] .state`, /^↓\d{3}\/s/)
        yield* seen(page, `${rowOf(1)} td[data-title^="To"] .figure`, /^\d{3}$/)
        tell("forge 50")
        const denial = page.locator("#denial-list li").filter({ hasText: `Port ${port}: ${hostileName}` })
        took.denied.push(yield* seen(page, "#denial-list li", new RegExp(`Port ${port}:.*ARP_SPA_HOST`)))
        const text = yield* Effect.promise(() => denial.innerText())
        assert.include(text, "ARP in the name of the host's address")
        assert.include(text, "Against: posing as the gateway")
        yield* seen(page, `#drawing [data-port="${port}"][data-trouble] .mark`, "!")
        tell("quiet")
      }
      yield* seen(page, "#spoken", "posing as the gateway")
      yield* seen(page, "#drawing [data-port=\"4\"]:not([data-trouble]) .state", "quiet")
      for (const [what, times] of Object.entries(took)) {
        process.stderr.write(`${what} seen after ${times.map((ms) => ms.toFixed(0)).join(", ")} ms\n`)
        assert.isBelow(times.toSorted((a, b) => a - b)[1]!, withinMs, what)
      }

      assert.strictEqual(yield* Effect.promise(() => page.locator("b").count()), 0)
      assert.deepStrictEqual(complaints, [])
      assert.deepStrictEqual(requests.filter((url) => !url.startsWith(target.url)), [])
      assert.isAtLeast(requests.length, 4)
    }), 60_000)

  it.scopedLive("lets its stations be searched, and names the line that captures a port", () =>
    Effect.gen(function*() {
      const target = yield* startLookedAt(yield* scratchDirectory(), simulated)
      const { page } = yield* openPage(yield* startBrowser, target.url)
      for (const number of [1, 2]) {
        (yield* startPageGuest(target.socketPath, "vkernel", number))("flood 20")
      }
      yield* seen(page, "#station-rows tr", "52:54:00:00:00:02")
      yield* Effect.promise(() => page.getByLabel("Address or port").fill("00:01"))
      yield* seen(page, "#stations-words", "1 of 2 stations known")
      assert.strictEqual(yield* Effect.promise(() => page.locator("#station-rows tr").count()), 1)

      yield* Effect.promise(() => page.getByRole("link", { name: "Capture port 2" }).click())
      yield* seen(page, "#capture-line", `vknetd capture --port 2 -p ${target.socketPath} -w - | wireshark -k -i -`)
    }), 60_000)

  it.scopedLive("says that the switch is gone, and comes back by itself", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const first = yield* startLookedAt(directory, simulated)
      const { page } = yield* openPage(yield* startBrowser, first.url)
      yield* seen(page, "#state", /^Live$/)
      yield* first.terminate
      yield* seen(page, "#state", "The switch does not answer; trying again")
      const second = yield* startLookedAt(directory, simulated, "127.0.0.1", first.port)
      yield* seen(page, "#state", /^Live$/)
      yield* seen(page, "#about", `process ${second.process.pid}`)
    }), 60_000)

  it.scopedLive("asks for the token, tells a wrong one, and takes one from its address, where it does not stay", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const token = "0123456789abcdef"
      fs.writeFileSync(`${directory}/token`, token, { mode: 0o600 })
      const target = yield* startLookedAt(directory, [...simulated, "--web-token", `${directory}/token`])
      const browser = yield* startBrowser
      const { page } = yield* openPage(browser, target.url)
      const give = (text: string) =>
        Effect.promise(async () => {
          await page.getByRole("textbox", { name: "Token" }).fill(text)
          await page.keyboard.press("Enter")
        })
      yield* seen(page, "#state", "A token is needed")
      assert.isFalse(yield* Effect.promise(() => page.locator("main").isVisible()))
      yield* give("wrong")
      yield* seen(page, "#token-wrong", "That is not the token.")
      yield* give(token)
      yield* seen(page, "#state", /^Live$/)
      yield* Effect.promise(() => page.reload())
      yield* seen(page, "#state", /^Live$/)
      assert.isFalse(yield* Effect.promise(() => page.locator("form").isVisible()))

      const other = yield* openPage(browser, `${target.url}#token=${token}`)
      yield* seen(other.page, "#state", /^Live$/)
      assert.strictEqual(other.page.url(), target.url)
      assert.deepStrictEqual(yield* Effect.promise(() => other.page.context().cookies()), [])
    }), 60_000)
})

/** The lowest contrast of all that is read, of text against what is behind it: WCAG 2.2, 1.4.3. */
const contrastCode = `(() => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number)
    return { rgb: [r, g, b], a }
  }
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    const svg = element.closest("svg")
    if (svg !== null) {
      const group = element.closest("g")
      const shape = group.querySelector(":scope > rect, :scope > path")
      return parse(getComputedStyle(shape).fill).rgb
    }
    for (let at = element; at !== null; at = at.parentElement) {
      const { a, rgb } = parse(getComputedStyle(at).backgroundColor)
      if (a === 1) return rgb
    }
    return undefined
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim()
    const element = walker.currentNode.parentElement
    if (text === "" || element.tagName === "NOSCRIPT" || !element.checkVisibility()) continue
    const style = getComputedStyle(element)
    const ink = parse(element.closest("svg") === null ? style.color : style.fill)
    const [a, b] = [light(ink.rgb), light(behind(element))].sort((a, b) => b - a)
    found.push([Math.round((a + 0.05) / (b + 0.05) * 100) / 100, text])
  }
  return found.sort(([a], [b]) => a - b)
})()`

/** A busy switch: two guests talk, one forges, and one has a long name. */
const busySwitch = Effect.gen(function*() {
  const target = yield* startLookedAt(yield* scratchDirectory(), simulated)
  const names = ["linux.uml", "qemu-system-x86", "vkernel", hostileName]
  const guests: Array<(order: string) => void> = []
  for (const [i, name] of names.entries()) guests.push(yield* startPageGuest(target.socketPath, name, i + 1))
  guests[0]!("flood 5")
  guests[1]!("flood 5")
  const browser = yield* startBrowser
  yield* Effect.sleep(500)
  guests[0]!("talk 2 1200 900")
  guests[1]!("talk 1 600 300")
  guests[2]!("forge 60")
  return { target, browser, guests }
})

inChromium("the page is fit", () => {
  it.scopedLive("for screen readers: landmarks, headings, tables with headers, a log that is spoken", () =>
    Effect.gen(function*() {
      const { browser, target } = yield* busySwitch
      const { page } = yield* openPage(browser, target.url)
      yield* seen(page, "#spoken", "posing as the gateway")
      for (const width of [1280, 360]) {
        yield* Effect.promise(() => page.setViewportSize({ width, height: 800 }))
        const tree = yield* Effect.promise(() => page.locator("body").ariaSnapshot())
        for (
          const line of [
            /^- banner:/m, /^- main:/m, /^- contentinfo:/m, /heading "vknetd" \[level=1\]/, /region "Switch":/,
            /region "Latest denials":/, /region "Ports":/, /region "Stations":/, /region "Capture":/,
            /heading "Ports" \[level=2\]/, /table "Ports":/, /columnheader "Lost, frames\/s"/,
            /rowheader "(Port )?1"/, /rowheader "(Port )?3 loses frames"/, /table "Stations":/,
            /searchbox "Address or port"/, /combobox "Of"/, /link "Capture port 3"/, /button "Copy"/,
            /log "Denials as they come": "Port 3: /,
            /img "The switch with 4 guests and the host; frames are lost at port 3"/
          ]
        ) assert.match(tree, line, `at ${width} px`)
        assert.notMatch(tree, /: undefined|\[object|NaN/)
      }
      const unnamed = "[...document.querySelectorAll('a, button, input, select, table, section, form')]"
        + ".filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.labels?.length || e.ariaLabel)).length"
      assert.strictEqual(yield* evaluate<number>(page, unnamed), 0)
      assert.strictEqual(yield* evaluate<string>(page, "document.documentElement.lang"), "en")
    }), 60_000)

  it.scopedLive("for the keyboard: everything is reached in order, and one sees where one is", () =>
    Effect.gen(function*() {
      const { browser, target } = yield* busySwitch
      const { page } = yield* openPage(browser, target.url)
      yield* seen(page, rowOf(4), hostileName)
      const focus = "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
        + " return [e.id || e.ariaLabel || e.className, s.outlineStyle, Number.parseFloat(s.outlineWidth)] })()"
      const walked: Array<string> = []
      for (let i = 0; i < 11; i++) {
        yield* Effect.promise(() => page.keyboard.press("Tab"))
        const [name, style, width] = yield* evaluate<readonly [string, string, number]>(page, focus)
        assert.isTrue(style === "solid" && width >= 2, `${name}: ${style} ${width}`)
        walked.push(name)
      }
      assert.deepStrictEqual(walked, [
        "skip", "scroll", "Capture port 0", "Capture port 1", "Capture port 2", "Capture port 3", "Capture port 4",
        "match", "capture-port", "Command line", "capture-copy"
      ])
      yield* Effect.promise(() => page.getByRole("link", { name: "Skip to the ports" }).focus())
      yield* Effect.promise(() => page.keyboard.press("Enter"))
      assert.strictEqual(yield* evaluate<string>(page, "document.activeElement.id"), "ports")
      yield* Effect.promise(() => page.getByRole("link", { name: "Capture port 3" }).focus())
      yield* Effect.promise(() => page.keyboard.press("Enter"))
      yield* seen(page, "#capture-line", "--port 3 ")
      assert.strictEqual(yield* evaluate<string>(page, "document.activeElement.id"), "capture-port")
    }), 60_000)

  it.scopedLive("for day and night: text stands out from what is behind it, 4.5 to 1 or more", () =>
    Effect.gen(function*() {
      const { browser, target } = yield* busySwitch
      const { page } = yield* openPage(browser, target.url)
      yield* seen(page, "#denial-list li", "/s now")
      const papers: Array<string> = []
      for (const colorScheme of ["light", "dark"] as const) {
        yield* Effect.promise(() => page.emulateMedia({ colorScheme }))
        const found = yield* evaluate<ReadonlyArray<readonly [number, string]>>(page, contrastCode)
        assert.isAbove(found.length, 80)
        assert.isAtLeast(found[0]![0], 4.5, `${colorScheme}: ${found[0]![1]}`)
        papers.push(yield* evaluate<string>(page, "getComputedStyle(document.documentElement).backgroundColor"))
      }
      assert.notStrictEqual(papers[0], papers[1])
    }), 60_000)

  it.scopedLive("for a phone, and for who wants nothing to move", () =>
    Effect.gen(function*() {
      const { browser, target } = yield* busySwitch
      const { page } = yield* openPage(browser, target.url, { viewport: { width: 360, height: 780 } })
      yield* seen(page, "#denial-list li", "/s now")
      assert.strictEqual(yield* evaluate<number>(page, "document.documentElement.scrollWidth"), 360)
      const beyond = "[...document.body.querySelectorAll('*')].filter((e) => e.checkVisibility()"
        + " && !e.closest('.unseen, .skip, thead') && e.getBoundingClientRect().right > 360.5).map((e) => e.outerHTML)"
      assert.deepStrictEqual(yield* evaluate<ReadonlyArray<string>>(page, beyond), [])
      const motion = "getComputedStyle(document.querySelector('.link:not([data-flow=none])')).animationName"
      assert.strictEqual(yield* evaluate<string>(page, motion), "flow")
      yield* Effect.promise(() => page.emulateMedia({ reducedMotion: "reduce" }))
      assert.strictEqual(yield* evaluate<string>(page, motion), "none")
    }), 60_000)
})

/** Where to keep the picture of the README: `VKNETD_SCREENSHOT=docs/web.png npx vitest run ...` draws it anew. */
const picture = process.env["VKNETD_SCREENSHOT"]

inChromium("the page has its picture taken", () => {
  it.scopedLive("by day, by night and on a phone", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const target = yield* startLookedAt(directory, simulated)
      const guests: Array<(order: string) => void> = []
      for (const [i, name] of ["linux.uml", "qemu-system-x86", "vkernel", "linux.uml"].entries()) {
        guests.push(yield* startPageGuest(target.socketPath, name, i + 1))
      }
      const { complaints, page } = yield* openPage(yield* startBrowser, target.url, {
        viewport: { width: 1240, height: 960 }
      })
      const tell = (...orders: ReadonlyArray<string>) =>
        Effect.zipRight(
          Effect.sync(() => orders.forEach((order, i) => guests[i]!(order))),
          // For the README with a history; else as fast as may be.
          Effect.sleep(picture === undefined ? 600 : 8000)
        )
      yield* tell("flood 40", "flood 12", "flood 4", "flood 2")
      yield* tell("talk 2 1900 900", "talk 1 700 200", "talk 4 90 400", "talk 3 240 1000")
      yield* tell("talk 2 600 900", "talk 1 1500 200", "forge 90", "talk 2 500 1000")
      yield* tell("talk 2 1400 900", "talk 1 900 200", "flood 2600", "talk 2 150 1000")
      yield* tell("talk 2 2400 900", "talk 1 1100 200", "forge 60", "talk 2 700 1000")
      yield* seen(page, "#denial-list li", /s now/)
      const take = (name: string) =>
        Effect.promise(async () => {
          const path = `${directory}/${name}.png`
          await page.screenshot({ path })
          return { path, bytes: fs.statSync(path).size }
        })
      const day = yield* take("day")
      yield* Effect.promise(() => page.emulateMedia({ colorScheme: "dark" }))
      const night = yield* take("night")
      yield* Effect.promise(() => page.setViewportSize({ width: 360, height: 780 }))
      yield* Effect.sleep(600)
      const phone = yield* take("phone")
      // A blank one has a few thousand.
      for (const { bytes } of [day, night, phone]) assert.isAbove(bytes, 15_000)
      assert.deepStrictEqual(complaints, [])
      if (picture === undefined) return
      assert.isBelow(day.bytes, 200_000)
      fs.copyFileSync(day.path, picture)
    }), 90_000)
})
