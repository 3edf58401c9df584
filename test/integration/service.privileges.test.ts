import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { assertMistake, background, run, until, vknetd } from "./commandTranscript.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import { type HostProcess, startProcess, succeed } from "./guests/HostProcess.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { installForEverybody } from "./guests/SwitchUnderTest.ts"

const nobody = 65_534
const address = "10.77.0.1/24"
const netAdmin = "0000000000001000"
const none = "0000000000000000"

/** What the kernel says of each thread of a process. */
const threadsOf = (pid: number) =>
  fs.readdirSync(`/proc/${pid}/task`).map((task) => {
    const status = fs.readFileSync(`/proc/${pid}/task/${task}/status`, "utf8")
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)![1]!.trim().replace(/\s+/g, " ")
    return {
      main: Number(task) === pid,
      uid: field("Uid"),
      gid: field("Gid"),
      groups: field("Groups"),
      capabilities: ["CapInh", "CapPrm", "CapEff", "CapAmb"].map(field),
      noNewPrivileges: field("NoNewPrivs")
    }
  })

const dropped = {
  uid: Array(4).fill(nobody).join(" "),
  gid: Array(4).fill(nobody).join(" "),
  groups: `${nobody}`,
  noNewPrivileges: "1"
}

/** In a network namespace of its own, and where anybody may ask for a tap, as on a system with udev. */
const elsewhere = (directory: string) => [
  "unshare",
  "--net",
  "--mount",
  "sh",
  "-c",
  `cd ${directory}; mkdir net; mknod -m 666 net/tun c 10 200; mount --bind net /dev/net; exec "$@"`,
  "sh"
]

/** A switch with a tap that has become nobody; its files lie in a directory of nobody's. */
const startDropped = (argv: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const directory = yield* scratchDirectory(nobody)
    const files = ["-p", `${directory}/s`, "-i", `${directory}/pid`]
    const process = yield* startProcess([
      ...elsewhere(yield* scratchDirectory()),
      ...vknetd,
      "-d",
      ...files,
      "--group",
      `${nobody}`,
      "--user",
      "nobody",
      ...argv,
      address
    ])
    yield* process.waitUntil("serving", () => process.stdout() === "tap0\n" || undefined, 10_000)
    return { directory, process }
  })

const inNamespaceOf = (process: HostProcess, ...words: ReadonlyArray<string>) =>
  succeed(["nsenter", "-t", `${process.pid}`, "-n", ...words])

/** Asks for the host's address as a guest would, and prints the answer's operation. */
const arpScript = `
import socket, sys
mac = bytes.fromhex("0200000000aa")
guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
guest.connect(sys.argv[1])
guest.settimeout(5)
guest.send(b"\\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac + bytes([10, 77, 0, 2]) + bytes(6)
           + bytes([10, 77, 0, 1]) + bytes(18))
while True:
    frame = guest.recv(2048)
    if frame[12:14] == b"\\x08\\x06":
        print(frame[21])
        break
`

describe.runIf(privilegesMissing().length === 0)("a switch that gave up its privileges", () => {
  it.scopedLive("has none left, in no thread, serves guests that come later, and tidies up", () =>
    Effect.gen(function*() {
      const { directory, process } = yield* startDropped([])
      for (const { main: _main, ...thread } of threadsOf(process.pid)) {
        assert.deepStrictEqual(thread, { ...dropped, capabilities: [none, none, none, none] })
      }
      assert.strictEqual(yield* succeed(["python3", "-c", arpScript, `${directory}/s`]), "2\n")
      process.signal("SIGTERM")
      assert.deepStrictEqual(yield* process.waitForEnd(5000), { status: 0, signal: null })
      assert.deepStrictEqual(fs.readdirSync(directory), [])
      assert.match(process.stderr(), /message="privileges given up" gid=65534 keptNetAdmin=false uid=65534/)
      assert.notMatch(process.stderr(), /level=warning/)
    }))

  it.scopedLive("ends when its tap is lost, for it may not open another", () =>
    Effect.gen(function*() {
      const { process } = yield* startDropped([])
      yield* inNamespaceOf(process, "ip", "link", "del", "tap0")
      assert.deepStrictEqual(yield* process.waitForEnd(20_000), { status: 1, signal: null })
      assert.match(process.stderr(), /\nvknetd: cannot open a tap: EPERM \(/)
    }), 40_000)

  it.scopedLive("opens a lost tap again if the main thread was left what that takes, and it alone", () =>
    Effect.gen(function*() {
      const { directory, process } = yield* startDropped(["--keep-net-admin"])
      for (const { main, ...thread } of threadsOf(process.pid)) {
        const kept = main ? netAdmin : none
        assert.deepStrictEqual(thread, { ...dropped, capabilities: [none, kept, kept, none] })
      }
      yield* inNamespaceOf(process, "ip", "link", "del", "tap0")
      yield* process.waitUntil("back", () => process.stderr().includes("the tap is back") || undefined, 10_000)
      assert.include(yield* inNamespaceOf(process, "ip", "address", "show", "tap0"), `inet ${address} `)
      assert.strictEqual(yield* succeed(["python3", "-c", arpScript, `${directory}/s`]), "2\n")
    }))

  it.scopedLive("says at the start what it will leave behind, and the next start replaces that", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const argv = ["--no-tap", "-U", "-p", `${directory}/s`, "--user", "nobody", "--log-file", `${directory}/log`]
      for (let i = 0; i < 2; i++) {
        const { pid } = yield* background(argv, `${directory}/pid`)
        for (const { main: _main, ...thread } of threadsOf(pid)) {
          assert.deepStrictEqual(thread, { ...dropped, capabilities: [none, none, none, none] })
        }
        process.kill(pid, "SIGTERM")
        yield* until("gone", () => fs.existsSync(`/proc/${pid}`) ? undefined : true)
        assert.deepStrictEqual(fs.readdirSync(directory).sort(), ["log", "pid", "s", "s.ctl"])
        assert.strictEqual(fs.readFileSync(`${directory}/pid`, "utf8"), "")
      }
      const log = fs.readFileSync(`${directory}/log`, "utf8")
      for (const name of ["s", "s.ctl", "pid"]) {
        assert.match(log, new RegExp(`level=warning message="a file will stay behind: .* file=${directory}/${name}\n`))
      }
    }))

  it.scopedLive("empties a pid file in a directory that it may not enter any more", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      fs.chmodSync(directory, 0o700)
      const words = ["-d", "--no-tap", "-U", "-p", `${directory}/s`, "-i", `${directory}/pid`, "--user", "nobody"]
      const started = yield* startProcess([...vknetd, ...words])
      yield* started.waitUntil("dropped", () => started.stderr().includes("will stay behind") || undefined, 10_000)
      started.signal("SIGTERM")
      assert.deepStrictEqual(yield* started.waitForEnd(5000), { status: 0, signal: null })
      assert.strictEqual(fs.readFileSync(`${directory}/pid`, "utf8"), "")
    }))

  it.scopedLive("is what it was asked to become, by numbers that nobody has", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory(54_321)
      const argv = ["--no-tap", "-U", "-p", `${directory}/s`, "--user", "54321:54322", "--log-file", `${directory}/log`]
      const { pid } = yield* background(argv, `${directory}/pid`)
      for (const thread of threadsOf(pid)) {
        assert.strictEqual(`${thread.uid}, ${thread.gid}`, "54321 54321 54321 54321, 54322 54322 54322 54322")
      }
    }))

  it.scopedLive("could not have been asked to become what is not there", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      for (
        const [user, line] of [
          ["vknetd-nobody", "no user vknetd-nobody (make it, or name another with --user)"],
          ["54321", "no user 54321 whose group would be known (give it: --user 54321:GROUP)"],
          ["nobody:vknetd-nobody", "no group vknetd-nobody (make it, or name another with --user nobody:GROUP)"],
          ["root", "--user root is root (name one without privileges, or leave --user out)"],
          ["0:65534", "--user 0 is root (name one without privileges, or leave --user out)"]
        ] as const
      ) {
        const argv = ["--no-tap", "-U", "-p", `${directory}/s`, "--user", user]
        assertMistake(yield* run(["-d", ...argv]), line)
        assertMistake(yield* run(argv), line)
      }
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    }))

  it.scopedLive("cannot gain a right from a program that gives some, in no thread", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      fs.copyFileSync("/usr/bin/id", `${directory}/id`)
      fs.chmodSync(`${directory}/id`, 0o4755)
      fs.copyFileSync(fileURLToPath(new URL("../../build/Release/vknetd.node", import.meta.url)), `${directory}/a.node`)
      // The worker is there before privileges are given up, as the forwarding thread is.
      fs.writeFileSync(`${directory}/drop.cjs`, `
        const { Worker, isMainThread, parentPort } = require("node:worker_threads")
        const { execFileSync } = require("node:child_process")
        const addon = require("./a.node")
        const id = ${JSON.stringify(`${directory}/id`)}
        const look = () => addon.becomeUser(0, 0) + " " + execFileSync(id, ["-u"]).toString().trim()
        if (isMainThread) {
          const worker = new Worker(__filename)
          worker.once("message", () => {
            const before = execFileSync("setpriv", ["--reuid=65534", id, "-u"])
            console.log("before " + before.toString().trim())
            if (addon.sealPrivileges() !== 0 || addon.becomeUser(65534, 65534) !== 0) process.exit(1)
            console.log("main " + look())
            worker.on("message", (text) => { console.log("worker " + text); worker.unref() })
            worker.postMessage("look")
          })
        } else {
          parentPort.on("message", () => parentPort.postMessage(look()))
          parentPort.postMessage("there")
        }
      `)
      const output = yield* succeed([process.execPath, `${directory}/drop.cjs`])
      assert.strictEqual(output, "before 0\nmain -1 65534\nworker -1 65534\n")
    }))
})

describe.runIf(process.getuid?.() === 0)("--user", () => {
  it.scopedLive("is root's alone", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory(nobody)
      const powerless = ["setpriv", "--reuid=65534", "--clear-groups", "--regid=65534"]
      const argv = ["--no-tap", "-U", "-p", `${directory}/s`, "--user", "daemon"]
      const started = yield* startProcess([...powerless, ...(yield* installForEverybody), "-d", ...argv])
      assert.deepStrictEqual(yield* started.waitForEnd(10_000), { status: 1, signal: null })
      assert.strictEqual(started.stderr(), "vknetd: cannot become daemon: only root can (leave --user out)\n")
    }))
})
