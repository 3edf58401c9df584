import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { until } from "./commandTranscript.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"
import { type HostProcessError, startProcess } from "./guests/HostProcess.ts"
import { arpReply, askHost } from "./guests/HostQuestion.ts"
import { makeDesk } from "./pages/Desk.ts"
import { type DragonFly, makeDragonFly } from "./pages/DragonFly.ts"
import { languagesOn, typedOn } from "./pages/Page.ts"

/*
 * docs/service.md, but for Debian's part of it, which package.deb.test.ts runs where systemd has booted. DragonFly's
 * part is run on Linux: pages/DragonFly.ts says what of it is real and what stands in. DragonFly itself was not run.
 */

const path = fileURLToPath(new URL("../../docs/service.md", import.meta.url))

const typedIn = (terminal: string) => typedOn(path).filter((typed) => typed.terminal === terminal)

const socketPath = "/run/vknet"
const pidFilePath = "/run/vknetd.pid"
const script = "/etc/rc.d/vknetd"

/** A guest that says nothing, and that the switch has let go when it ends. */
const quietGuest = `
import socket, sys
guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
guest.connect(sys.argv[1])
print("connected", flush=True)
while guest.recv(2048):
    pass
`

const connectGuest = (machine: DragonFly) =>
  Effect.gen(function*() {
    const guest = yield* startProcess(["python3", "-c", quietGuest, machine.outside(socketPath)])
    yield* guest.waitUntil("connected", () => guest.stdout().includes("connected") || undefined, 10_000)
    return guest
  })

const pidIn = (machine: DragonFly): string => fs.readFileSync(machine.outside(pidFilePath), "utf8").trim()

/** Types a line of our own: `status` is what it has to end with. */
const type = (machine: DragonFly, command: string, status: number, ...expected: ReadonlyArray<string>) =>
  machine.type({ terminal: "dragonfly", command: `{ ${command}; } 2>&1; echo "it ended with $?."`, expected: [
    ...expected,
    `it ended with ${status}.`
  ] })

const configure = (machine: DragonFly, flags: string) =>
  Effect.sync(() => {
    fs.copyFileSync(machine.outside(`/usr/local${script}`), machine.outside(script))
    fs.appendFileSync(machine.outside("/etc/rc.conf"), `vknetd_enable="YES"\nvknetd_flags="${flags}"\n`)
  })

const assertServes = (machine: DragonFly) =>
  Effect.map(askHost(machine.outside(socketPath)), (answer) => assert.strictEqual(answer, arpReply))

const assertGone = (machine: DragonFly) =>
  Effect.gen(function*() {
    for (const left of [socketPath, `${socketPath}.ctl`, pidFilePath]) {
      assert.isFalse(fs.existsSync(machine.outside(left)), left)
    }
    assert.isFalse(yield* machine.netns.hasInterface("tap0"))
  })

describe("docs/service.md", () => {
  it("has no command but those that a test runs", () => {
    const page = fs.readFileSync(path, "utf8")
    assert.notMatch(page, /^(?: {4}|\t)/m)
    assert.strictEqual(page.match(/^```/gm)!.length, 2 * languagesOn(path).length)
    for (const language of languagesOn(path)) assert.include(["console", "ini"], language)
    const terminals = [...new Set(typedOn(path).map(({ terminal }) => terminal))].sort()
    assert.deepStrictEqual(terminals, ["debian", "dragonfly", "hand", "supervisor"])
  })
})

describe("the port's message", () => {
  it("has the reader type what docs/service.md has", () => {
    const message = fs.readFileSync(new URL("../../share/dragonfly/port/pkg-message", import.meta.url), "utf8")
    const commands = [...message.matchAll(/^ {4}(.*)$/gm)].map(([, command]) => command!)
    assert.isAbove(commands.length, 2)
    assert.includeMembers(typedIn("dragonfly").map(({ command }) => command), commands)
  })
})

describe.runIf(privilegesMissing().length === 0)("under another supervisor", () => {
  it.scopedLive("every command of docs/service.md does what the page says", () =>
    Effect.gen(function*() {
      const desk = yield* makeDesk
      const typed = typedIn("supervisor")
      assert.isAbove(typed.length, 0)
      for (const line of typed) yield* desk.type(line)
      const other = (command: string, ...expected: ReadonlyArray<string>) =>
        desk.type({ terminal: "other", command, expected })
      yield* other("until test -s ready; do sleep 0.1; done")
      yield* other("vknetd status -p ./net", "tap-state            none")
    }), 60_000)
})

describe.runIf(privilegesMissing().length === 0)("the script for rc.subr(8), with a stand-in for that", () => {
  it.scopedLive("is used as docs/service.md says", () =>
    Effect.gen(function*() {
      const machine = yield* makeDragonFly
      const typed = typedIn("dragonfly")
      assert.isAbove(typed.length, 8)
      let guest = yield* startProcess(["true"])
      let pid = ""
      const servesAnew = Effect.gen(function*() {
        assert.notStrictEqual(pidIn(machine), pid)
        pid = pidIn(machine)
        yield* assertServes(machine)
      })
      /** What is true behind a command, besides that it answers as the page says. */
      const behind = new Map<string, Effect.Effect<void, HostProcessError, Scope.Scope>>([
        [`${script} start`, Effect.gen(function*() {
          yield* servesAnew
          assert.deepStrictEqual(machine.modules(), ["if_tap"])
          assert.include(yield* machine.netns.succeed("ip -brief address show tap0"), "10.1.0.1/24")
          guest = yield* connectGuest(machine)
        })],
        [`${script} reload`, Effect.sync(() => {
          assert.strictEqual(pidIn(machine), pid)
          assert.isUndefined(guest.ending())
        })],
        ["vknetd --takeover 10.1.0.1/24", Effect.gen(function*() {
          yield* servesAnew
          assert.isUndefined(guest.ending())
        })],
        [`${script} restart`, Effect.gen(function*() {
          assert.strictEqual((yield* guest.waitForEnd(5000)).status, 0)
          yield* servesAnew
        })],
        [`${script} stop`, assertGone(machine)],
        ["echo 'vknetd_enable=\"NO\"' >> /etc/rc.conf", Effect.gen(function*() {
          for (const verb of ["start", "stop", "restart", "reload", "status"]) {
            yield* type(machine, `test -z "$(${script} ${verb} 2>&1)" && ${script} ${verb}`, 0)
            yield* assertGone(machine)
          }
          yield* type(machine, `${script} onestart`, 0, "Starting vknetd.", "tap0")
          yield* assertServes(machine)
          yield* type(machine, `${script} onestop`, 0, "Stopping vknetd.")
          yield* assertGone(machine)
        })]
      ])
      for (const line of typed) {
        // Each succeeds, also one that says something before it fails.
        yield* type(machine, line.command, 0, ...line.expected)
        yield* behind.get(line.command) ?? Effect.void
        behind.delete(line.command)
      }
      assert.deepStrictEqual([...behind.keys()], [])
    }), 120_000)

  it.scopedLive("runs what the port installs, and that is what the port lists", () =>
    Effect.gen(function*() {
      const { installed, listed } = yield* makeDragonFly
      // Manuals are compressed afterwards.
      assert.deepStrictEqual(installed, listed.map((path) => path.replace(/\.8\.gz$/, ".8")))
      assert.includeMembers([...installed], ["lib/vknetd/dist/page.html", "sbin/vknetd"])
    }))

  it.scopedLive("starts at boot from the base system's place, once, and ends once", () =>
    Effect.gen(function*() {
      const machine = yield* makeDragonFly
      yield* configure(machine, "10.1.0.1/24")
      const local = `/usr/local${script}`
      const boot = `PATH=${machine.bootPath}`
      // What another life of the machine left behind; localdaemons starts what packages installed.
      yield* type(machine, `echo 1 >${pidFilePath}; ${boot} ${script} faststart`, 0, "Starting vknetd.")
      yield* type(machine, `${boot} ${local} start`, 1, `vknetd already running? (pid=${pidIn(machine)}).`)
      yield* assertServes(machine)
      yield* type(machine, `${boot} ${local} stop`, 0, "Stopping vknetd.")
      yield* type(machine, `${boot} ${script} stop`, 1, "vknetd not running? (check /var/run/vknetd.pid).")
      yield* assertGone(machine)
      for (const file of [script, local]) yield* type(machine, `grep '^# KEYWORD: shutdown$' ${file}`, 0)
    }), 60_000)

  it.scopedLive("gives the switch vknetd_flags with their quotes, at a reload, too, and loads what they need", () =>
    Effect.gen(function*() {
      const machine = yield* makeDragonFly
      const bind = "uid:0,ip=10.1.0.2;uid:1,ip=10.1.0.3"
      yield* configure(machine, `10.1.0.1/24 -b bridge0 --bind '${bind}'`)
      yield* type(machine, `${script} start`, 0, "tap0")
      assert.deepStrictEqual(machine.modules(), ["if_tap", "if_bridge"])
      yield* assertServes(machine)
      yield* type(machine, `${script} reload`, 0, "Reloading vknetd config files.")
      yield* type(machine, `${script} restart`, 0, "tap0")
      // What is there is not loaded again.
      assert.deepStrictEqual(machine.modules(), ["if_tap", "if_bridge"])
    }), 60_000)

  it.scopedLive("reloads the settings file and opens the log anew, if all is in order", () =>
    Effect.gen(function*() {
      const machine = yield* makeDragonFly
      const settings = (text: string) => fs.writeFileSync(machine.outside("/run/vknetd.toml"), text)
      const logged = (name: string) => fs.readFileSync(machine.outside(`/run/${name}`), "utf8")
      settings("address = \"10.1.0.1/24\"\n")
      yield* configure(machine, "--config /run/vknetd.toml --log-file /run/log")
      yield* type(machine, `${script} start`, 0, "tap0")
      const guest = yield* connectGuest(machine)
      settings("address = \"10.1.0.1/33\"\n")
      yield* type(machine, "mv /run/log /run/old", 0)
      yield* type(machine, `${script} reload`, 1, "vknetd: ...10.1.0.1/33: the bits must be 0 to 32")
      settings("address = \"10.1.0.1/24\"\nmax-macs = 1\n")
      yield* type(machine, `${script} reload`, 0)
      yield* until("reloaded", () =>
        fs.existsSync(machine.outside("/run/log")) && logged("log").includes("max-macs=1") || undefined)
      // The first reload was the switch not told.
      assert.notInclude(logged("old"), "settings")
      assert.isUndefined(guest.ending())
      yield* assertServes(machine)
    }), 60_000)

  it.scopedLive("is not started with options that are not in order", () =>
    Effect.gen(function*() {
      const machine = yield* makeDragonFly
      yield* configure(machine, "10.1.0.1/33")
      yield* type(machine, `${script} start`, 1, "vknetd: ...the bits must be 0 to 32")
      yield* type(machine, `${script} status`, 1, "vknetd is not running.")
      yield* assertGone(machine)
      yield* type(machine, `${script} begin`, 1, "Usage: ...start|stop|restart|rcvar|reload|status|poll...")
      yield* type(machine, `${script}`, 1, "Usage: ...")
      yield* type(machine, `${script} rcvar`, 0, "$vknetd=YES")
      yield* type(machine, `${script} poll`, 0)
    }), 60_000)
})

/** Mistakes that rc.subr(8) would pass over, or that show on another day: what is replaced, by what, how it ends. */
const mistakes: ReadonlyArray<readonly [string | RegExp, string, number, string]> = [
  ["start_precmd", "start_precommand", 70, "start_precommand means nothing"],
  ["start_precmd=\"vknetd_prestart\"", "start_precmd=vknetd_before", 70, "start_precmd: no function vknetd_before"],
  ["reload_precmd", "reopen_precmd", 70, "reopen_precmd: no such verb"],
  [/^extra_commands=.*/m, "", 70, "reload_precmd: no such verb"],
  [/^command_interpreter=.*/m, "", 70, "nobody reads vknetd_interpreter"],
  ["=\"/usr/local/bin/node\"", "=node", 70, "is not run by node but by /usr/local/bin/node"],
  [/^rcvar=.*/m, "", 70, "rcvar is not set"],
  [/^pidfile=.*/m, "", 70, "pidfile is not set"],
  ["\" $vknetd_flags \"", "\" $vknetd_options \"", 2, "vknetd_options: parameter not set"],
  ["kldload if_tap", "modprobe if_tap", 1, "modprobe: not found"],
  ["kldload if_tap", "kldload tap", 1, "kldload: can't load tap: ..."],
  ["kldload if_tap || return 1", "false || return 2", 70, "status 2 of vknetd_prestart"]
]

describe.runIf(privilegesMissing().length === 0)("the stand-in for rc.subr(8)", () => {
  it.scopedLive("finds mistakes in the script, and in rc.conf", () =>
    Effect.gen(function*() {
      const machine = yield* makeDragonFly
      yield* configure(machine, "10.1.0.1/24")
      const right = fs.readFileSync(machine.outside(script), "utf8")
      for (const [from, to, status, said] of mistakes) {
        const wrong = right.replace(from, to)
        assert.notStrictEqual(wrong, right)
        machine.unload()
        fs.writeFileSync(machine.outside(script), wrong)
        fs.writeFileSync(machine.outside(pidFilePath), "1\n")
        yield* type(machine, `${script} start && echo started`, status, said)
        assert.isFalse(yield* machine.netns.hasInterface("tap0"), said)
      }
      fs.writeFileSync(machine.outside(script), right)
      yield* type(machine, `echo 'vknetd_flag="-U"' >>/etc/rc.conf; ${script} start`, 70, "nobody reads vknetd_flag")
    }), 60_000)
})
