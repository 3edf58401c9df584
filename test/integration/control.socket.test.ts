import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import { Bounds } from "../../src/domain/Bounds.ts"
import { assertMistake, runWords, until, vknetd } from "./commandTranscript.ts"
import { connectGuests, type ControlledSwitch, request, startControlled, startGuests } from "./controlWorld.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import { startProcess } from "./guests/HostProcess.ts"
import { startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { installForEverybody, startSwitch } from "./guests/SwitchUnderTest.ts"

const plain = ["--no-tap", "-U"]

const status = (target: ControlledSwitch) => request({ socketPath: target.controlPath, path: "/status" })

/** A connection that a test holds open. */
const connect = (where: net.NetConnectOpts): Effect.Effect<net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<net.Socket>((resume) => {
      // Where too many wait to be accepted for the moment (EAGAIN), once more; a later error is the test's business.
      const attempt = () => {
        let isConnected = false
        const socket = net.connect(where, () => {
          isConnected = true
          resume(Effect.succeed(socket))
        })
        socket.on("error", () => isConnected || setTimeout(attempt, 10))
      }
      attempt()
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

describe("the control socket", () => {
  it.scopedLive("is the guests' socket's equal in group and mode, and goes with the switch", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const target = yield* startControlled(directory, plain)
      const node = fs.lstatSync(target.controlPath)
      const guests = fs.lstatSync(target.socketPath)
      assert.isTrue(node.isSocket())
      assert.deepStrictEqual([node.gid, node.mode & 0o777], [guests.gid, 0o660])
      yield* target.terminate
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("is never laxer than the guests' socket, and never open to others", () =>
    Effect.gen(function*() {
      for (const [mode, expected] of [["600", 0o600], ["666", 0o660]] as const) {
        const target = yield* startControlled(yield* scratchDirectory(), [...plain, "--mode", mode])
        assert.strictEqual(fs.lstatSync(target.controlPath).mode & 0o777, expected)
      }
    }))

  it.scopedLive("replaces one that a killed switch has left", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const killed = yield* startControlled(directory, plain)
      yield* killed.kill
      assert.isTrue(fs.existsSync(killed.controlPath))
      const target = yield* startSwitch({ directory, prefix: [], argv: plain })
      for (let i = 0; i < 100 && (yield* status(killed)).status !== 200; i++) yield* Effect.sleep(20)
      assert.include((yield* status(killed)).text, `"pid":${target.process.pid},`)
      yield* target.terminate
    }))

  it.scopedLive("leaves alone what is somebody else's; the switch says so and serves without", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const path = `${directory}/sw.ctl`
      fs.writeFileSync(path, "mine")
      const foreign = yield* startSwitch({ directory, prefix: [], argv: plain })
      const said = () => /message="there is no control channel" cause="([^"]+)"/.exec(foreign.process.stderr())?.[1]
      const line = yield* foreign.process.waitUntil("warned", said, 5000)
      assert.match(line, /^cannot listen on .*sw\.ctl: there is something else of that name, left alone/)
      yield* connectGuests(foreign.socketPath, 1)
      yield* foreign.terminate
      assert.strictEqual(fs.readFileSync(path, "utf8"), "mine")
      fs.rmSync(path)

      const other = net.createServer()
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void other.listen(path, () => resume(Effect.void))),
        () => Effect.sync(() => other.close())
      )
      const live = yield* startSwitch({ directory, prefix: [], argv: plain })
      const refused = () => live.process.stderr().includes("another switch is listening") || undefined
      yield* live.process.waitUntil("warned", refused, 5000)
      yield* live.terminate
      assert.isTrue(fs.existsSync(path))
    }))

  it.scopedLive("is no reason to refuse a path that was just short enough", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const longest = directory + "/" + "s".repeat(107 - directory.length - 1)
      const argv = ["-d", "-p", longest, "-i", `${directory}/pid`, ...plain]
      const { stderr } = yield* runWords(["timeout", "-s", "TERM", "3", ...vknetd, ...argv])
      assert.match(stderr, /there is no control channel.*too long/)
    }))
})

describe("clients of the control socket", () => {
  it.scopedLive("that ask slowly or read nothing keep nobody waiting, and are let go", () =>
    Effect.gen(function*() {
      const target = yield* startControlled(yield* scratchDirectory(), plain)
      const slow = yield* connect({ path: target.controlPath })
      slow.write("GET /status HTT")
      const deaf = yield* connect({ path: target.controlPath })
      deaf.pause()
      deaf.write("GET /watch?intervalMs=100 HTTP/1.1\r\nhost: x\r\n\r\n")
      const startMs = performance.now()
      for (let i = 0; i < 20; i++) assert.strictEqual((yield* status(target)).status, 200)
      assert.isBelow(performance.now() - startMs, 5000)
      slow.resume()
      // Five seconds are given for a request's head.
      for (let i = 0; i < 100 && !slow.closed; i++) yield* Effect.sleep(100)
      assert.isTrue(slow.closed)
    }), 30_000)

  it.scopedLive("are bounded in number; a surplus one is closed and the next is served again", () =>
    Effect.gen(function*() {
      const target = yield* startControlled(yield* scratchDirectory(), plain)
      const descriptors = () => fs.readdirSync(`/proc/${target.process.pid}/fd`).length
      const before = descriptors()
      yield* Effect.gen(function*() {
        const sockets: Array<net.Socket> = []
        const where = { path: target.controlPath }
        for (let i = 0; i < 3 * Bounds.controlConnections; i++) sockets.push(yield* connect(where))
        yield* Effect.sleep(300)
        assert.isAtMost(descriptors(), before + Bounds.controlConnections)
        assert.isAtLeast(sockets.filter((socket) => socket.closed).length, 2 * Bounds.controlConnections)
        assertMistake(yield* target.ask("status"), `cannot ask ${target.controlPath}: too many ask at once (try again)`)
      }).pipe(Effect.scoped)
      yield* until("served again", () => descriptors() <= before || undefined)
      assert.strictEqual((yield* status(target)).status, 200)
    }))

  it.scopedLive("that ask again before they have an answer are let go, whatever they ask", () =>
    Effect.gen(function*() {
      const target = yield* startControlled(yield* scratchDirectory(), [...plain, "--metrics", "127.0.0.1:0"])
      const told = () => /serving metrics.*port=(\d+)/.exec(target.process.stderr())?.[1]
      const port = Number(yield* until("told", told))
      const host = "host: x\r\n"
      for (const where of [{ path: target.controlPath }, { host: "127.0.0.1", port }]) {
        for (const head of [host, "", `${host}expect: much\r\n`, `${host}expect: 100-continue\r\n`]) {
          const socket = yield* connect(where)
          let heard = ""
          socket.on("data", (chunk) => (heard += String(chunk)))
          socket.write(`GET /metrics HTTP/1.1\r\n${head}\r\n`.repeat(2000))
          yield* until("let go", () => socket.closed || undefined)
          assert.isAtMost(heard.split("HTTP/1.1 200 ").length - 1, 1)
        }
      }
      // One after the other is what the rest of the world does.
      const socket = yield* connect({ path: target.controlPath })
      let heard = ""
      socket.on("data", (chunk) => (heard += String(chunk)))
      for (let n = 1; n <= 3; n++) {
        socket.write("GET /drops HTTP/1.1\r\nhost: x\r\n\r\n")
        yield* until("answered", () => heard.split(`{"drops":[]`).length > n || undefined)
      }
      assert.strictEqual((yield* status(target)).status, 200)
    }))

  it.scopedLive("that say they ask no more are answered all the same; a capture ends", () =>
    Effect.gen(function*() {
      const target = yield* startControlled(yield* scratchDirectory(), plain)
      const exchange = (path: string) =>
        Effect.gen(function*() {
          const socket = yield* connect({ path: target.controlPath })
          let heard = ""
          socket.on("data", (chunk) => (heard += String(chunk)))
          socket.end(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
          yield* until("closed", () => socket.closed || undefined)
          return heard
        })
      for (const path of ["/status", "/ports", "/stations", "/metrics"]) {
        assert.match(yield* exchange(path), /^HTTP\/1\.1 200 [^]*\r\n\r\n[^]/, path)
      }
      yield* exchange("/capture")
      yield* exchange("/watch?intervalMs=10000")
    }))

  it.scopedLive("cannot send more than a request may have, nor what is no request", () =>
    Effect.gen(function*() {
      const target = yield* startControlled(yield* scratchDirectory(), plain)
      const exchange = (text: string) =>
        Effect.gen(function*() {
          const socket = yield* connect({ path: target.controlPath })
          let heard = ""
          socket.on("data", (chunk) => (heard += String(chunk)))
          socket.write(text)
          yield* until("answered", () => heard.includes("\r\n\r\n") || socket.closed || undefined)
          return heard.split("\r\n")[0]!
        })
      const body = "x".repeat(Bounds.controlRequestBytes + 1)
      const head = "PUT /settings/log-level HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
      // Refused, or just not read.
      assert.match(yield* exchange(`${head}content-length: ${body.length}\r\n\r\n${body}`), /^(HTTP\/1\.1 4\d\d |$)/)
      assert.match(yield* exchange("hello\r\n\r\n"), /^HTTP\/1\.1 400 /)
      assert.match(yield* exchange(`GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 4\d\d /)
      assert.strictEqual((yield* status(target)).status, 200)
    }))
})

describe.runIf(privilegesMissing().length === 0)("who may ask", () => {
  const [groupGid, outsiderGid] = [47_112, 47_113]

  it.scopedLive("is root, the switch's own user and the group; who may change, the first two", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const installed = yield* installForEverybody
      // Others could connect as guests; to look they have to be in the group all the same.
      const argv = [...plain, "--group", String(groupGid), "--mode", "666"]
      const target = yield* startControlled(directory, argv)
      const as = (uid: number, gid: number, groups: string, ...words: ReadonlyArray<string>) =>
        runWords([
          "setpriv", `--reuid=${uid}`, `--regid=${gid}`, groups === "" ? "--clear-groups" : `--groups=${groups}`, "--",
          ...installed, ...words, "-p", target.socketPath
        ])
      const guests = yield* startGuests(target, 1)
      assert.isAbove(guests.pid, 0)
      const mayNot = "only root and the user that the switch runs as may change anything"
      const outside = `cannot ask ${target.controlPath}: EACCES (become root, or a member of the socket's group)`
      // Member by its first group, by another one, and not at all.
      for (const [gid, groups] of [[groupGid, ""], [outsiderGid, String(groupGid)]] as const) {
        assert.strictEqual((yield* as(1234, gid, groups, "status", "--json")).status, 0)
        assertMistake(yield* as(1234, gid, groups, "port", "1", "disconnect"), mayNot)
        assertMistake(yield* as(1234, gid, groups, "set", "log-level", "error"), mayNot)
      }
      assertMistake(yield* as(1234, outsiderGid, "", "status"), outside)
      // Should the file's mode ever be changed by hand, the kernel's word still counts.
      fs.chmodSync(target.controlPath, 0o666)
      const notIn = "only root and the members of the socket's group may ask"
      assertMistake(yield* as(1234, outsiderGid, "", "status"), notIn)
      assertMistake(yield* as(1234, outsiderGid, "", "port", "1", "disconnect"), notIn)
      assert.strictEqual((yield* target.ask("port", "1", "disconnect")).stdout, "port 1: disconnected\n")
    }), 60_000)

  it.scopedLive("includes, with --user, the user that the switch has become", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const installed = yield* installForEverybody
      const argv = [...plain, "--group", String(groupGid), "--user", `1234:${groupGid}`]
      const target = yield* startControlled(directory, argv)
      const as = (uid: number, ...words: ReadonlyArray<string>) =>
        runWords([
          "setpriv", `--reuid=${uid}`, `--regid=${groupGid}`, "--clear-groups", "--", ...installed, ...words, "-p",
          target.socketPath
        ])
      yield* until("given up", () => target.process.stderr().includes("privileges given up") || undefined)
      assert.strictEqual((yield* as(1234, "set", "log-level", "debug")).stdout, "log-level debug\n")
      assertMistake(
        yield* as(1235, "set", "log-level", "debug"),
        "only root and the user that the switch runs as may change anything"
      )
    }), 60_000)

  it.scopedLive("cannot keep others from asking: a user of the group has a few connections", () =>
    Effect.gen(function*() {
      const target = yield* startControlled(yield* scratchDirectory(), [...plain, "--group", String(groupGid)])
      const hoard = "import socket,sys,time\n"
        + "s=[socket.socket(socket.AF_UNIX) for _ in range(40)]\n"
        + "[x.connect(sys.argv[1]) for x in s]\nprint('connected',flush=True)\nsys.stdin.read()"
      const greedy = yield* startProcess([
        "setpriv", "--reuid=1234", `--regid=${groupGid}`, "--clear-groups", "--", "/usr/bin/python3", "-c", hoard,
        target.controlPath
      ])
      yield* greedy.waitUntil("connected", () => greedy.stdout().includes("connected") || undefined, 5000)
      assert.strictEqual((yield* status(target)).status, 200)
    }))
})

describe("a flooded switch", () => {
  it.scopedLive("answers status in less than 100 ms, median of 50", () =>
    Effect.gen(function*() {
      const target = yield* startControlled(yield* scratchDirectory(), plain)
      const ports = [
        yield* startRawPort("broadcast", target.socketPath),
        yield* startRawPort("broadcast", target.socketPath)
      ]
      yield* Effect.sleep(1000)
      const frames = async (): Promise<number> => {
        const { text } = await Effect.runPromise(status(target))
        return (JSON.parse(text) as { receivedFrames: number }).receivedFrames
      }
      const before = yield* Effect.promise(frames)
      const startMs = performance.now()
      const took: Array<number> = []
      for (let i = 0; i < 50; i++) {
        const askedMs = performance.now()
        const { status: code, text } = yield* status(target)
        took.push(performance.now() - askedMs)
        assert.strictEqual(code, 200)
        assert.include(text, "\"answered\":true")
      }
      const rate = ((yield* Effect.promise(frames)) - before) / ((performance.now() - startMs) / 1000)
      took.sort((a, b) => a - b)
      const [median, worst] = [took[25]!, took[49]!]
      process.stderr.write(
        `status under a flood of ${rate.toFixed(0)} frames/s: median ${median.toFixed(1)} ms, `
          + `longest ${worst.toFixed(1)} ms\n`
      )
      const command: Array<number> = []
      for (let i = 0; i < 50; i++) {
        const askedMs = performance.now()
        assert.include(execFileSync(vknetd[1], ["status", "-p", target.socketPath], { encoding: "utf8" }), "answered ")
        command.push(performance.now() - askedMs)
      }
      command.sort((a, b) => a - b)
      process.stderr.write(`the command, with its own start: median of 50 ${command[25]!.toFixed(0)} ms\n`)
      assert.isAbove(rate, 10_000)
      assert.isBelow(median, 100)
      assert.strictEqual(ports.length, 2)
    }), 60_000)
})
