import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { run } from "./commandTranscript.ts"
import { type ControlledSwitch, startControlled } from "./controlWorld.ts"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import { succeed } from "./guests/HostProcess.ts"
import { makeNetns } from "./guests/Netns.ts"
import { reportOf, startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startSwitch, vknetd } from "./guests/SwitchUnderTest.ts"

interface Row {
  readonly kind: string
  readonly stations: number
  readonly reasons: ReadonlyArray<{ readonly reason: string; readonly frames: number }>
}

const NEAR = 100
const FAR = 130
const FAR_COUNT = 20

const stationOf = (n: number): string => `52:54:00:00:00:${n.toString(16).padStart(2, "0")}`

/** A switch with a trunks' socket and a real tap, in a namespace of its own. */
const host = (address: string, ...argv: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const netns = yield* makeNetns
    const directory = yield* scratchDirectory()
    const trunkPath = path.join(directory, "trunk")
    const words = ["--group", "0", "--trunk", trunkPath, ...argv, address]
    const target = yield* startControlled(directory, words, netns.prefix)
    return { ...target, netns, trunkPath }
  })

const linked = (one: { readonly trunkPath: string }, other: { readonly trunkPath: string }) =>
  Effect.gen(function*() {
    const link = yield* startRawPort("join", one.trunkPath, other.trunkPath)
    yield* link.waitUntil("joined", () => link.stdout().includes("joined") || undefined, 10_000)
  })

const stationsFrom = (socketPath: string, count: number, first: number) =>
  Effect.gen(function*() {
    const port = yield* startRawPort("stations", socketPath, String(count), String(first))
    yield* port.waitUntil("sent", () => port.stdout().includes("sent") || undefined, 10_000)
    return port
  })

type Rows = ReadonlyArray<Row>

/** The ports, as soon as they look so; as they are after a while if they never do. */
const rowsWhen = (target: ControlledSwitch, isSo: (rows: Rows) => boolean) =>
  Effect.sleep(50).pipe(
    Effect.zipRight(target.ask("ports", "--json")),
    Effect.map(({ stdout }) => json<Rows>(stdout)),
    Effect.repeat({ until: isSo, times: 100 })
  )

const json = <A>(output: string): A => JSON.parse(output) as A

/** The line of the manual, TRUNKS, at both ends. */
const linkedByDatagrams = (one: { readonly trunkPath: string }, other: { readonly trunkPath: string }) =>
  Effect.gen(function*() {
    const netns = yield* makeNetns
    const end = (trunkPath: string, own: string, peer: string) =>
      netns.start([
        "socat", "-b", "65536", `UNIX-CONNECT:${trunkPath},type=5`,
        `UDP4-DATAGRAM:${peer}:7007,bind=${own}:7007,range=${peer}/32`
      ])
    yield* end(one.trunkPath, "127.0.0.1", "127.0.0.2")
    yield* end(other.trunkPath, "127.0.0.2", "127.0.0.1")
  })

const trunkOf = (rows: Rows) => rows.find(({ kind }) => kind === "trunk")

describe.runIf(guestsRunOnTap)("two hosts joined by datagrams of socat", () => {
  it.scopedLive("see each other's stations, and each frame is one frame", () =>
    Effect.gen(function*() {
      const here = yield* host("10.1.0.1/24")
      const there = yield* host("10.1.0.2/24")
      yield* linkedByDatagrams(here, there)
      yield* rowsWhen(here, (rows) => trunkOf(rows) !== undefined)
      yield* rowsWhen(there, (rows) => trunkOf(rows) !== undefined)
      yield* stationsFrom(there.socketPath, 16, FAR)
      const rows = yield* rowsWhen(here, (rows) => (trunkOf(rows)?.stations ?? 0) >= 16)
      assert.isAtLeast(trunkOf(rows)?.stations ?? 0, 16)
      assert.deepStrictEqual(trunkOf(rows)?.reasons, [])
    }), 30_000)
})

describe("two hosts joined by a trunk", () => {
  it.scopedLive("see each other's stations, more than a guest may have; a guest has no more than before", () =>
    Effect.gen(function*() {
      const here = yield* host("10.1.0.1/24")
      const there = yield* host("10.1.0.2/24")
      yield* linked(here, there)
      const listener = yield* stationsFrom(here.socketPath, 1, NEAR)
      for (const first of [FAR, FAR + FAR_COUNT / 2]) yield* stationsFrom(there.socketPath, FAR_COUNT / 2, first)
      // The seventeenth of this one is one too many.
      yield* stationsFrom(here.socketPath, 17, NEAR + 1)
      const rows = yield* rowsWhen(here, (rows) =>
        rows.some(({ kind, stations }) => kind === "trunk" && stations >= FAR_COUNT) &&
        rows.some(({ reasons }) => reasons.length > 0))
      assert.deepStrictEqual(rows.find(({ kind }) => kind === "trunk")?.reasons, [])
      const guests = rows.filter(({ kind }) => kind === "guest")
      assert.deepStrictEqual(guests.map(({ stations }) => stations).sort((a, b) => a - b), [1, 16])
      assert.deepStrictEqual(guests.flatMap(({ reasons }) => reasons), [{ reason: "MAC_LIMIT", frames: 1 }])
      const status = json<Record<string, unknown>>((yield* here.ask("status", "--json")).stdout)
      assert.deepInclude(status, { trunkSocket: here.trunkPath, trunks: 1, guests: 3 })
      assert.match((yield* here.ask("ports")).stdout, /^ +\d+ {2}trunk /m)
      assert.match(here.process.stderr(), /message="port opened" [^\n]*trunk=true/)
      const { sources } = yield* reportOf(listener)
      for (let n = FAR; n < FAR + FAR_COUNT; n++) assert.strictEqual(sources[stationOf(n)], 1, stationOf(n))
    }), 60_000)

  it.scopedLive("reach each other's hosts, and what is behind one only if its addresses are bound to trunks", () =>
    Effect.gen(function*() {
      const here = yield* host("10.1.0.1/24", "--bind", "trunk,ip=192.0.2.0/24")
      const there = yield* host("10.1.0.2/24")
      yield* linked(here, there)
      const ping = (to: string) => `ping -c 1 -W 5 ${to}`
      yield* here.netns.succeed(ping("10.1.0.2"))
      yield* there.netns.succeed(ping("10.1.0.1"))
      yield* there.netns.succeed("ip address add 192.0.2.1/32 dev lo; ip address add 198.51.100.1/32 dev lo")
      yield* here.netns.succeed("ip route add 192.0.2.0/24 via 10.1.0.2; ip route add 198.51.100.0/24 via 10.1.0.2")
      yield* here.netns.succeed(ping("192.0.2.1"))
      yield* here.netns.succeed("! ping -c 1 -W 1 198.51.100.1")
      const rows = json<Rows>((yield* here.ask("ports", "--json")).stdout)
      const reasons = rows.find(({ kind }) => kind === "trunk")?.reasons ?? []
      assert.deepInclude(reasons, { reason: "IP4_SRC_OUTSIDE", frames: 1 })
    }), 60_000)

  it.scopedLive("do so over IPv6, too", () =>
    Effect.gen(function*() {
      const here = yield* host("10.1.0.1/24", "--ipv6", "fd00:1::1/64", "--bind", "trunk,ip=2001:db8::/64")
      const there = yield* host("10.1.0.2/24", "--ipv6", "fd00:1::2/64")
      yield* linked(here, there)
      yield* here.netns.succeed("ping -c 1 -W 5 fd00:1::2")
      yield* there.netns.succeed("ping -c 1 -W 5 fd00:1::1")
      yield* there.netns.succeed("ip address add 2001:db8::1/128 dev lo; ip address add 2001:db8:1::1/128 dev lo")
      yield* here.netns.succeed("ip route add 2001:db8::/32 via fd00:1::2")
      yield* here.netns.succeed("ping -c 1 -W 5 2001:db8::1")
      yield* here.netns.succeed("! ping -c 1 -W 1 2001:db8:1::1")
      const rows = json<Rows>((yield* here.ask("ports", "--json")).stdout)
      const reasons = rows.find(({ kind }) => kind === "trunk")?.reasons ?? []
      assert.deepInclude(reasons, { reason: "IP6_SRC_OUTSIDE", frames: 1 })
    }), 60_000)
})

describe("the trunks' socket", () => {
  const start = (directory: string, ...argv: ReadonlyArray<string>) =>
    startSwitch({ directory, prefix: [], argv: ["--no-tap", ...argv, "10.1.0.1/24"] })

  it.scopedLive("has the guests' mode and group but is never open to all, and is gone in the end", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const trunkPath = path.join(directory, "trunk")
      const target = yield* start(directory, "--trunk", trunkPath, "--mode", "666", "--group", "12345")
      const { gid, mode } = fs.statSync(trunkPath)
      assert.deepStrictEqual([gid, mode & 0o777], [12345, 0o660])
      assert.strictEqual(fs.statSync(target.socketPath).mode & 0o777, 0o666)
      yield* target.terminate
      assert.isFalse(fs.existsSync(trunkPath))
    }))

  it.scopedLive("replaces one that was left behind, and leaves a live one and another file alone", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const trunkPath = path.join(directory, "trunk")
      const first = yield* start(directory, "--trunk", trunkPath)
      const other = yield* scratchDirectory()
      const words = ["--no-tap", "-d", "-p", path.join(other, "sw"), "10.1.0.1/24"]
      const taken = yield* run([...words, "--trunk", trunkPath])
      assert.strictEqual(taken.status, 1)
      const told = `cannot listen on ${trunkPath}: another switch is listening there`
      assert.strictEqual(taken.stderr, `vknetd: ${told} (stop it, or name another socket with --trunk)\n`)
      assert.deepStrictEqual(fs.readdirSync(other), [])
      yield* first.kill
      assert.isTrue(fs.existsSync(trunkPath))
      const second = yield* start(directory, "--trunk", trunkPath)
      yield* succeed(["python3", "-c", `import socket;socket.socket(1, 5).connect("${trunkPath}")`])
      yield* second.terminate
      fs.writeFileSync(trunkPath, "mine")
      const blocked = yield* run([...words, "--trunk", trunkPath])
      assert.include(blocked.stderr, "there is something else of that name, left alone")
      assert.strictEqual(fs.readFileSync(trunkPath, "utf8"), "mine")
    }))

  it.scopedLive("cannot be the guests' socket, nor the control socket", () =>
    Effect.gen(function*() {
      for (const same of ["/tmp/sw", "/tmp/sw.ctl", "/tmp/x/../sw"]) {
        const { status, stderr } = yield* run(["--no-tap", "-p", "/tmp/sw", "--trunk", same, "10.1.0.1/24"])
        assert.strictEqual(status, 1)
        assert.match(stderr, /^vknetd: -p(?:'s control socket)? and --trunk are one path, \S+; give each its own\n$/)
      }
    }))

  const wrong = [
    "trunk", "trunk,", "trunk,ip=10.1.0.0/33", "trunk,ip=10.1.0", "trunk,mac=1", "uid:1,ip=10.1.0.0/24",
    "trunk,ip=fd00:1::/129", "uid:1,ip=fd00:1::/64"
  ]
  for (const bind of wrong) {
    it.scopedLive(`tells in one line what is wrong with --bind ${bind}`, () =>
      Effect.gen(function*() {
        const { status, stderr } = yield* run(["--bind", bind, "10.1.0.1/24"])
        assert.strictEqual(status, 1)
        assert.match(stderr, /^vknetd: bad --bind \S+: give (?:uid:N|trunk) with mac=MAC, [^\n]+\n$/)
      }))
  }

  it.scopedLive("explain tells of an IPv6 packet from a trunk", () =>
    Effect.gen(function*() {
      const [routed, guest] = ["20010db8000000000000000000000007", "fd000001000000000000000000000003"]
      const hex = `52540000000252540000000186dd60000000000811 40${routed}${guest}1388138900080000`.replaceAll(" ", "")
      const bind = ["--ipv6", "fd00:1::1/64", "--bind", "trunk,ip=2001:db8::/32", "10.1.0.1/24"]
      const words = [...vknetd, "explain", "--hex", hex, ...bind]
      assert.include(yield* succeed([...words, "--from", "trunk"]), "\npasses, to the port of 52:54:00:00:00:02")
      assert.include(yield* succeed(words), "\ndenied: IP6_SRC_OUTSIDE")
    }))

  it.scopedLive("explain tells of a frame from a trunk", () =>
    Effect.gen(function*() {
      const hex = "525400000002 525400000001 0800 4500001c000000004011000 0c0000201 0a010003 1388 1389 0008 0000"
        .replaceAll(" ", "")
      const words = [...vknetd, "explain", "--hex", hex, "--bind", "trunk,ip=192.0.2.0/24", "10.1.0.1/24"]
      assert.include(yield* succeed([...words, "--from", "trunk"]), "\npasses, to the port of 52:54:00:00:00:02")
      assert.include(yield* succeed(words), "\ndenied: IP4_SRC_OUTSIDE")
    }))
})
