import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as Control from "../../src/services/ControlSchema.ts"
import { assertMistake, background, run, traces, until } from "./commandTranscript.ts"
import { answerWhen, type ControlledSwitch, startControlled, startGuests } from "./controlWorld.ts"
import { scratchDirectory } from "./guests/Scratch.ts"

/** Guests of these tests speak a type of their own. */
const common = "address = \"10.1.0.1/24\"\nno-tap = true\nallow-ethertype = [\"88b5\"]\n"

const decode = <A, I>(schema: Schema.Schema<A, I>, { stdout }: { readonly stdout: string }): A =>
  Schema.decodeUnknownSync(schema)(JSON.parse(stdout))

/** A running switch with a settings file, and two guests. */
const configured = Effect.gen(function*() {
  const directory = yield* scratchDirectory()
  const file = `${directory}/vknetd.toml`
  fs.writeFileSync(file, common)
  const target = yield* startControlled(directory, ["--config", file])
  const guests = yield* startGuests(target, 2)
  const lines = () => target.process.stderr().split("\n").filter((line) => /settings|error/.test(line))
  let told = 0
  /** Has it read this, and gives the line that it logs. */
  const reload = (toml: string | undefined) =>
    Effect.gen(function*() {
      if (toml === undefined) fs.rmSync(file)
      else fs.writeFileSync(file, toml)
      target.process.signal("SIGHUP")
      yield* until("told", () => lines().length > told || undefined)
      return lines()[told++]!.replace(/^timestamp=\S+ /, "").replaceAll(file, "FILE")
    })
  return { target, guests, reload }
})

/** Frames that a port was sent, as soon as the switch has received so many in all. */
const sentTo = (target: ControlledSwitch, port: number, receivedFrames: number) =>
  Effect.gen(function*() {
    const ask = Effect.map(target.ask("ports", "--json"), (answer) => decode(Schema.Array(Control.Port), answer))
    const ports = yield* answerWhen(ask, (rows) =>
      rows.reduce((sum, row) => sum + row.receivedFrames, 0) >= receivedFrames)
    return ports.find((row) => row.port === port)?.sentFrames
  })

describe("a switch with a settings file", () => {
  it.scopedLive("takes over what has changed, from the next frame on, and keeps its guests", () =>
    Effect.gen(function*() {
      const { guests, reload, target } = yield* configured
      yield* guests.send(0, 255, 1)
      assert.strictEqual(yield* sentTo(target, 2, 1), 1)
      assert.strictEqual(
        yield* reload(`${common}isolate = "all"\nmax-macs = 1\n`),
        "level=info message=\"settings read anew\" changed=\"isolate=all max-macs=1\" file=FILE"
      )
      yield* guests.send(0, 255, 1)
      yield* guests.send(0, 255, 2)
      assert.strictEqual(yield* sentTo(target, 2, 3), 1)
      const { drops } = decode(Control.Drops, yield* target.ask("drops", "--json"))
      assert.deepStrictEqual(drops, [
        { port: 1, stage: "denied", reason: "MAC_LIMIT", frames: 1 },
        { port: 2, stage: "dropped", reason: "ISOLATED", frames: 1 }
      ])
      assert.strictEqual(
        yield* reload(common),
        "level=info message=\"settings read anew\" changed=\"isolate=none max-macs=16\" file=FILE"
      )
      yield* guests.send(0, 255, 1)
      assert.strictEqual(yield* sentTo(target, 2, 4), 2)
      assert.strictEqual(decode(Control.Status, yield* target.ask("status", "--json")).guests, 2)
      const nothing = "level=info message=\"settings read anew: nothing has changed\" file=FILE"
      assert.strictEqual(yield* reload(common), nothing)
    }))

  it.scopedLive("changes nothing for a file that is not in order, and says where", () =>
    Effect.gen(function*() {
      const { guests, reload, target } = yield* configured
      yield* reload(`${common}isolate = "all"\n`)
      const unusable = "level=error message=\"the settings cannot be used; nothing is changed\" error="
      const inString = "control characters are not allowed in strings"
      for (
        const [toml, why] of [
          ["isolate = \"none\nlock = true", `FILE:1: not TOML at column 16: ${inString}`],
          [`${common}isolat = "none"`, "FILE:4: isolat: there is no such key; is it isolate?"],
          [`${common}isolate = 0`, "FILE:4: isolate: it must be a string, in quotes"],
          [`${common}isolate = "none"\nmax-macs = 0`, "FILE:5: max-macs: bad value 0: give a number from 1 to 4096"],
          [undefined, "cannot read FILE: ENOENT (name another with --config)"]
        ] as const
      ) {
        assert.strictEqual(yield* reload(toml), `${unusable}"${why}"`)
      }
      yield* guests.send(0, 255, 1)
      assert.strictEqual(yield* sentTo(target, 2, 1), 0)
      assert.strictEqual(decode(Control.Status, yield* target.ask("status", "--json")).guests, 2)
    }))

  it.scopedLive("says what waits for the next start, and takes over the rest", () =>
    Effect.gen(function*() {
      const { reload } = yield* configured
      const line = yield* reload(
        `${common.replace("10.1.0.1/24", "10.2.0.1/24")}mtu = 9000\nmax-macs = 17\nlock = true\nlog-level = "error"\n`
      )
      assert.strictEqual(
        line,
        "level=info message=\"settings read anew\" changed=\"lock=true log-level=error\" file=FILE "
          + "waitForRestart=\"address mtu max-macs\""
      )
    }))

  it.scopedLive("goes by the file again when it was told something else meanwhile", () =>
    Effect.gen(function*() {
      const { reload, target } = yield* configured
      assert.strictEqual((yield* target.ask("set", "station-age", "7")).status, 0)
      assert.strictEqual(decode(Control.Status, yield* target.ask("status", "--json")).stationAgeSeconds, 7)
      assert.include(yield* reload(common), "changed=\"mac-age=300\"")
      assert.strictEqual(decode(Control.Status, yield* target.ask("status", "--json")).stationAgeSeconds, 300)
    }))

  it.scopedLive("finds it again in the background, by a relative path", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const file = `${directory}/s.toml`
      const toml = `${common}socket = "sw"\nlog-file = "log"\n`
      fs.writeFileSync(file, toml)
      const there = ["env", "-C", directory]
      const { pid } = yield* background(["--config", "s.toml"], `${directory}/pid`, there)
      assert.isTrue(fs.existsSync(`${directory}/sw`))
      fs.writeFileSync(file, `${toml}hold = 3\n`)
      process.kill(pid, "SIGHUP")
      const line = /message="settings read anew" changed="hold=3" file=\S+\/s.toml\n/
      yield* until("told", () => line.test(fs.readFileSync(`${directory}/log`, "utf8")) || undefined)
    }))
})

describe("--check", () => {
  it.scopedLive("says whether a file is in order, and touches nothing", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const file = `${directory}/vknetd.toml`
      fs.writeFileSync(file, `${common}socket = "sw"\nlog-file = "log"\npid-file = "pid"\n`)
      const before = traces(directory)
      assert.deepStrictEqual(yield* run(["--check", "-d", "--config", file]), {
        status: 0,
        stdout: `${file}: ok\n`,
        stderr: ""
      })
      assert.deepStrictEqual(traces(directory), before)
      fs.writeFileSync(file, `${common}\n[[bind]]\nuid = 1000\nip = "10.1.0.500"\n`)
      const line = `${file}:5: bind: bad value uid:1000,ip=10.1.0.500: give uid:N with mac=MAC, ip=ADDRESS or both, `
        + "as uid:1000,ip=10.1.0.5"
      for (const argv of [["--check"], ["-d"], [], ["-c"]]) {
        assertMistake(yield* run([...argv, "--config", file]), line)
      }
    }))
})
