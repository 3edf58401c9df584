import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { readAll } from "../property/captureFiles.ts"
import * as policy from "../property/policyWorld.ts"
import { assertMistake, runWords, until, vknetd } from "./commandTranscript.ts"
import { type ControlledSwitch, startControlled, startGuests } from "./controlWorld.ts"
import { isInstalled, privilegesMissing } from "./guests/GuestPackages.ts"
import { type HostProcess, startProcess } from "./guests/HostProcess.ts"
import { startRawPort } from "./guests/RawPort.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { installForEverybody } from "./guests/SwitchUnderTest.ts"

const bridge = ["--no-tap", "-U"]
const extcap = fileURLToPath(new URL("../../share/extcap/vknetd", import.meta.url))
const bin = fileURLToPath(new URL("../../bin", import.meta.url))

/** Starts a capture, and a pipe behind it if there is one. Begins to see frames a moment later. */
const startCapture = (target: ControlledSwitch, argv: ReadonlyArray<string>, pipe?: string) =>
  startProcess([
    ...(pipe === undefined ? [] : ["sh", "-c", `"$0" "$@" ${pipe}`]), ...vknetd, "capture", "-p", target.socketPath,
    ...argv
  ])

/** Sends frames again and again until a process has ended. */
const sendUntilEnd = (reader: HostProcess, send: Effect.Effect<void, unknown>) =>
  Effect.gen(function*() {
    for (let i = 0; i < 300 && reader.ending() === undefined; i++) {
      yield* send
      yield* Effect.sleep(30)
    }
    return yield* reader.waitForEnd(5000)
  })

const busy = (argv: ReadonlyArray<string> = bridge) =>
  Effect.gen(function*() {
    const directory = yield* scratchDirectory()
    const target = yield* startControlled(directory, argv)
    const guests = yield* startGuests(target, 2)
    return { directory, target, guests }
  })

describe("capture", () => {
  it.scopedLive("prints a line for each frame, with its verdict", () =>
    Effect.gen(function*() {
      const { guests, target } = yield* busy()
      const reader = yield* startCapture(target, ["-c", "4"])
      yield* sendUntilEnd(reader, Effect.zipRight(guests.send(0, 255, 1), guests.send(1, 1, 2)))
      const lines = reader.stdout().split("\n")
      const clock = "\\d\\d:\\d\\d:\\d\\d\\.\\d{6}"
      const flood = new RegExp(`^${clock} port1 in 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff 0x88b5 60 flooded$`)
      const unicast = new RegExp(`^${clock} port2 in 02(:00){4}:02 > 02(:00){4}:01 0x88b5 60 forwarded to port1$`)
      assert.strictEqual(lines.filter((line) => flood.test(line)).length, 2)
      assert.strictEqual(lines.filter((line) => unicast.test(line)).length, 2)
      assert.strictEqual(reader.stderr(), "vknetd: 4 frames captured, 0 missed\n")
    }))

  it.scopedLive("writes a file that ends whole when it is interrupted, and goes on while others come and go", () =>
    Effect.gen(function*() {
      const { directory, guests, target } = yield* busy()
      const files = [0, 1, 2].map((i) => `${directory}/${i}.pcapng`)
      const captures = yield* Effect.forEach(files, (file) => startCapture(target, ["--port", "1", "-w", file]))
      yield* until("begun", () => files.every((file) => fs.existsSync(file) && fs.statSync(file).size > 0) || undefined)
      for (let i = 0; i < 10; i++) {
        yield* guests.send(0, 255, 1)
        yield* guests.send(1, 1, 2)
        if (i === 4) captures[1]!.signal("SIGKILL")
      }
      captures[0]!.signal("SIGINT")
      captures[2]!.signal("SIGTERM")
      for (const i of [0, 2]) {
        assert.strictEqual((yield* captures[i]!.waitForEnd(5000)).status, 0)
        assert.strictEqual(captures[i]!.stderr(), "vknetd: 20 frames captured, 0 missed\n")
        const { fault, frames } = readAll(fs.readFileSync(files[i]!))
        assert.isUndefined(fault)
        // What arrived in one batch with a frame that was sent is written before it.
        assert.deepStrictEqual(
          frames.map(({ comment, direction }) => `${direction} ${comment}`).sort(),
          ["inbound flooded", "outbound from port2"].flatMap((line) => Array<string>(10).fill(line))
        )
        for (const { timeNs } of frames) assert.isBelow(Math.abs(Number(timeNs / 1_000_000n) - Date.now()), 60_000)
      }
      // Those that went without a word have left their places.
      for (let i = 0; i < 10; i++) {
        const gone = yield* startCapture(target, ["-w", "-"])
        yield* gone.waitUntil("begun", () => gone.stdout() !== "" || undefined, 5000)
        gone.signal("SIGKILL")
      }
      yield* Effect.sleep(200)
      const last = yield* startCapture(target, ["-c", "1"])
      assert.strictEqual((yield* sendUntilEnd(last, guests.send(0, 255, 1))).status, 0)
    }), 60_000)

  it.scopedLive("says that the switch has ended, and keeps what came until then", () =>
    Effect.gen(function*() {
      const { directory, guests, target } = yield* busy()
      const file = `${directory}/cut.pcapng`
      const reader = yield* startCapture(target, ["-w", file])
      yield* until("begun", () => fs.existsSync(file) && fs.statSync(file).size > 0 || undefined)
      const before = fs.statSync(file).size
      yield* guests.send(0, 255, 1)
      yield* until("written", () => fs.statSync(file).size > before || undefined)
      yield* target.terminate
      assert.strictEqual((yield* reader.waitForEnd(5000)).status, 1)
      assert.strictEqual(reader.stderr(), "vknetd: 1 frame captured, 0 missed\nvknetd: the switch has ended\n")
      assert.strictEqual(readAll(fs.readFileSync(file)).frames.length, 1)
    }))

  it.scopedLive("that is stopped is told what it has missed when it goes on, however long that was", () =>
    Effect.gen(function*() {
      const { directory, guests, target } = yield* busy()
      const file = `${directory}/slow.pcapng`
      const reader = yield* startProcess([...vknetd, "capture", "-p", target.socketPath, "-w", file])
      yield* until("begun", () => fs.existsSync(file) && fs.statSync(file).size > 0 || undefined)
      reader.signal("SIGSTOP")
      const loud = yield* startRawPort("broadcast", target.socketPath)
      // Others that read nothing for fifteen seconds are let go.
      yield* Effect.sleep(17_000)
      loud.endInput()
      yield* loud.waitForEnd(5000)
      reader.signal("SIGCONT")
      const grown = () => fs.statSync(file).size
      yield* Effect.sleep(1500)
      yield* guests.send(0, 255, 1)
      yield* Effect.sleep(500)
      assert.isAbove(grown(), 4_000_000)
      reader.signal("SIGINT")
      assert.strictEqual((yield* reader.waitForEnd(5000)).status, 0)
      const [, captured, missed] = /^vknetd: (\d+) frames captured, (\d+) missed\n$/.exec(reader.stderr()) ?? []
      const { frames } = readAll(fs.readFileSync(file))
      assert.strictEqual(frames.length, Number(captured))
      const drops = JSON.parse((yield* target.ask("status", "--json")).stdout) as { receivedFrames: number }
      assert.strictEqual(Number(captured) + Number(missed), drops.receivedFrames)
      assert.match(frames.at(-1)!.comment ?? "", /^\d+ missed before this one|^flooded/)
      assert.isAbove(Number(missed), 0)
    }), 60_000)

  it.scopedLive("refuses what cannot be meant in one line, before it asks", () =>
    Effect.gen(function*() {
      const mistakes: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
        [["--port", "x"], /^bad --port x: give a number from 0 to 16384$/],
        [["-c", "0"], /^bad -c 0: give a number from 1 to /],
        [["-s", "300000"], /^bad -s 300000: /],
        [["--filter", "tcp adn udp"], /^bad --filter: 'adn' is not expected there$/],
        [["--count", "1"], /^unknown option --count /],
        [["--bogus"], /^unknown option --bogus /],
        [["-p", ""], /^-p '': give a value$/],
        [["-w"], /^option -w needs a value /],
        [["tcp"], /^surplus operand tcp \(a filter follows --filter\) /],
        [["-p", "/nowhere/sw"], /^cannot ask \/nowhere\/sw\.ctl: no switch has been started there/]
      ]
      for (const [argv, line] of mistakes) assertMistake(yield* runWords([...vknetd, "capture", ...argv]), line)
      const { target } = yield* busy()
      assertMistake(
        yield* target.ask("capture", "-w", "/nowhere/file"),
        "cannot write /nowhere/file: ENOENT (name another file with -w)"
      )
      assertMistake(yield* target.ask("capture", "--port", "2000"), "bad --port 2000: there are ports 0 to 1024")
      const shown = yield* runWords([...vknetd, "capture", "--help"])
      assert.match(shown.stdout, /^usage: vknetd capture \[-p socket_path\] .*\n[^\n]+\n$/)
    }))
})

describe.runIf(isInstalled("tcpdump") && isInstalled("tshark"))("what reads captures", () => {
  it.scopedLive("tcpdump and tshark read live what is captured", () =>
    Effect.gen(function*() {
      const { guests, target } = yield* busy()
      const pipes = [
        "| tcpdump -l -e -n -r -",
        "| tshark -l -r - -T fields -e frame.interface_name -e frame.packet_flags_direction -e frame.comment"
      ]
      const argv = ["--port=1", "-w", "-"]
      const [tcpdump, tshark] = yield* Effect.forEach(pipes, (pipe) => startCapture(target, argv, pipe))
      const shown = (reader: HostProcess | undefined, line: string) => reader?.stdout().includes(line) ?? false
      yield* Effect.gen(function*() {
        yield* guests.send(0, 255, 1)
        yield* guests.send(1, 1, 2)
        yield* Effect.sleep(50)
      }).pipe(Effect.repeat({
        times: 100,
        // While the capture still runs.
        until: () =>
          shown(tcpdump, "02:00:00:00:00:02 > 02:00:00:00:00:01, ethertype Unknown (0x88b5), length 60")
          && shown(tshark, "port1\t0x00000001\tflooded\n") && shown(tshark, "port1\t0x00000002\tfrom port2\n")
      }))
      assert.include(tcpdump!.stdout(), "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff")
      assert.isTrue(shown(tshark, "port1\t0x00000002\tfrom port2\n"))
      assert.isUndefined(tcpdump!.ending())
    }), 30_000)

  it.scopedLive("an ARP attack stands beside its reason", () =>
    Effect.gen(function*() {
      const { guests, target } = yield* busy(["--no-tap", "10.1.0.1/24"])
      const reader = yield* startCapture(
        target,
        ["--denied", "--filter", "arp and host 10.1.0.1", "-c", "1", "-w", "-"],
        "| tshark -r - -T fields -e frame.interface_name -e arp.src.proto_ipv4 -e frame.comment"
      )
      const honest = policy.arpFrame({ target: policy.host })
      const poison = policy.arpFrame({ op: 2, sender: policy.host, target: policy.other, to: policy.otherMac })
      yield* sendUntilEnd(reader, Effect.zipRight(guests.sendFrame(0, honest), guests.sendFrame(0, poison)))
      assert.strictEqual(reader.stdout(), "port1\t10.1.0.1\tdenied: ARP_SPA_HOST (posing as the gateway, A6)\n")
    }), 30_000)

  it.scopedLive("tshark captures by itself through extcap, with a port and a filter of ours", () =>
    Effect.gen(function*() {
      const { directory, guests, target } = yield* busy()
      // Where Wireshark 4.0, and where later ones look; with root's rights it heeds no environment but this.
      for (const folder of [".config/wireshark/extcap", ".local/lib/wireshark/extcap"]) {
        fs.mkdirSync(`${directory}/${folder}`, { recursive: true })
        fs.copyFileSync(extcap, `${directory}/${folder}/vknetd`)
      }
      const env = { HOME: directory, PATH: `${bin}:${process.env["PATH"]}` }
      const reader = yield* startProcess([
        "tshark", "-i", "vknetd", "-o", `extcap.vknetd.socket:${target.socketPath}`, "-o", "extcap.vknetd.port:2",
        "-f", "ether src 02:00:00:00:00:02", "-c", "2", "-T", "fields", "-e", "frame.interface_name", "-e",
        "frame.comment"
      ], { env })
      yield* sendUntilEnd(reader, Effect.zipRight(guests.send(0, 255, 1), guests.send(1, 1, 2)))
      assert.strictEqual(reader.stdout(), "port2\tforwarded to port1\n".repeat(2))
      assert.notInclude(reader.stderr(), "rror by extcap")
      const ask = (...words: ReadonlyArray<string>) => runWords([extcap, ...words], { env })
      assert.match((yield* ask("--extcap-interfaces")).stdout, /^extcap \{version=[\d.]+\}\ninterface \{value=vknetd\}/)
      assert.include((yield* ask("--extcap-dlts", "--extcap-interface", "vknetd")).stdout, "{name=EN10MB}")
      assert.include((yield* ask("--extcap-config", "--extcap-interface", "vknetd")).stdout, "{call=--denied}")
      const judged = (filter: string) => ask("--extcap-interface", "vknetd", "--extcap-capture-filter", filter)
      assert.deepStrictEqual(yield* judged("tcp port 80"), { status: 0, stdout: "", stderr: "" })
      assert.match((yield* judged("vlan")).stdout, /^'vlan' is not known/)
    }), 30_000)
})

describe.runIf(privilegesMissing().length === 0)("who may capture", () => {
  const gid = 47_112

  it.scopedLive("is root and the switch's user; a member of the group, ports of its own", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      const installed = yield* installForEverybody
      const target = yield* startControlled(directory, [...bridge, "--group", String(gid), "--user", `1233:${gid}`])
      yield* until("given up", () => target.process.stderr().includes("privileges given up") || undefined)
      const as = (uid: number, ...words: ReadonlyArray<string>) => [
        "setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--", ...installed, "capture", ...words, "-p",
        target.socketPath
      ]
      // One guest of root's, and one that is the member's own.
      const guests = yield* startGuests(target, 1)
      const own = "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\ns.connect(sys.argv[1])\n"
        + "print('connected',flush=True)\n"
        + "for line in sys.stdin: s.send(b'\\xff'*6+b'\\x02\\0\\0\\0\\0\\x02\\x88\\xb5'+bytes(46))"
      const mine = yield* startProcess([
        "setpriv", "--reuid=1234", `--regid=${gid}`, "--clear-groups", "--", "/usr/bin/python3", "-c", own,
        target.socketPath
      ])
      yield* mine.waitUntil("connected", () => mine.stdout().includes("connected") || undefined, 5000)
      const sending = Effect.zipRight(guests.send(0, 255, 1), Effect.sync(() => mine.write("\n")))

      assertMistake(
        yield* runWords(as(1234)),
        "only root and the user that the switch runs as may capture all ports (name one of yours with --port)"
      )
      for (const port of [0, 1, 7]) {
        const refused = `port ${port} is not yours (vknetd ports tells which are)`
        assertMistake(yield* runWords(as(1234, "--port", String(port))), refused)
      }
      const member = yield* startProcess(as(1234, "--port", "2", "-c", "4"))
      assert.strictEqual((yield* sendUntilEnd(member, sending)).status, 0)
      assert.match(member.stdout(), / port2 out 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff 0x88b5 60 from port1\n/)
      assert.match(member.stdout(), / port2 in 02:00:00:00:00:02 > ff:ff:ff:ff:ff:ff 0x88b5 60 flooded\n/)
      for (const uid of [0, 1233]) {
        const owner = yield* startProcess(as(uid, "-c", "2"))
        assert.strictEqual((yield* sendUntilEnd(owner, sending)).status, 0)
        assert.include(owner.stdout(), " port1 in ")
      }
    }), 60_000)
})
