import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { hostAddress, HonestLab, honestLab, knownName, nothingIsLost, tap } from "./attacks/HonestLab.ts"
import { card, startNestedBridge, startStation } from "./attacks/NestedStations.ts"
import { prepareTransfers, transferBothWays, transferPort } from "./attacks/Transfers.ts"
import type { Guest } from "./guests/Guest.ts"
import { guestsRunOnTap } from "./guests/GuestPackages.ts"
import type { HostProcess } from "./guests/HostProcess.ts"
import { startIperfServer } from "./guests/Iperf.ts"
import type { Netns } from "./guests/Netns.ts"
import { assertNoLoss } from "./guests/Ping.ts"
import { startUmlGuest, umlLine } from "./guests/UmlGuest.ts"

const say = (text: string) => Effect.sync(() => void process.stderr.write(`${text}\n`))

/** All hosts of a link are in this group, and say so to nobody (RFC 1112, section 4). */
const allHosts = "224.0.0.1"

/** A group of those that asked for it. */
const group = "239.1.2.3"

/** A port on which nobody serves. */
const groupPort = 7000

/** Sends a text to a group, in UDP: as the name of a file that is asked for. */
const announce = (text: string, to: string): string => `timeout 1 tftp -g -r ${text} -l /dev/null ${to} ${groupPort}`

/** Waits, in a shell, until something takes UDP on a port. */
const untilBound = (port: number): string =>
  `for i in $(seq 250); do ss -Hlnu sport = :${port} | grep -q . && exit; sleep 0.02; done; false`

/** Prints what comes to the port for a group that the kernel takes part in. @param options of socat(1) */
const listen = (netns: Netns, options = "") =>
  Effect.tap(
    netns.start(["socat", "-u", `UDP4-RECV:${groupPort}${options}`, "-"]),
    () => netns.succeed(untilBound(groupPort))
  )

const waitToHear = (listener: HostProcess, text: string) =>
  listener.waitUntil(`hearing ${text}`, () => listener.stdout().includes(text) || undefined, 10_000)

/** Port on which a guest takes what another sends. */
const inboundPort = 5001

/** Runs a guest's command until it succeeds, for ten seconds at most. */
const untilSo = (guest: Guest, command: string) =>
  guest.succeed(`for i in $(seq 100); do ${command} && exit; sleep 0.1; done; false`)

/** Lets one wait for a payload over TCP, another send it, and gives the sum of what came. */
const receive = <E>(to: Guest, send: Effect.Effect<unknown, E>) =>
  Effect.gen(function*() {
    // Input that never ends: at its end it would hang up on who sends.
    yield* to.succeed(
      "rm -f /tmp/sum /tmp/open; mkfifo /tmp/open"
        + `; (nc -l -p ${inboundPort} <>/tmp/open | sha256sum >/tmp/part; mv /tmp/part /tmp/sum) >/dev/null 2>&1 &`
    )
    yield* untilSo(to, `netstat -lnt | grep -q :${inboundPort}`)
    yield* send
    yield* untilSo(to, "[ -s /tmp/sum ]")
    return (yield* to.succeed("cut -c 1-64 /tmp/sum")).trim()
  })

/** What iperf3(1) reports of UDP with `--json`. */
const datagrams = (report: string): { readonly packets: number; readonly lost: number } => {
  const { end } = JSON.parse(report) as { end: { sum: { packets: number; lost_packets: number } } }
  return { packets: end.sum.packets, lost: end.sum.lost_packets }
}

describe.runIf(guestsRunOnTap)("honest traffic, of which nothing is lost", () => {
  layer(honestLab, { excludeTestServices: true, timeout: 90_000 })((it) => {
    it.scoped("DHCP leases addresses, and the name server answers", () =>
      Effect.gen(function*() {
        const { ann, annAddress, bob, bobAddress } = yield* HonestLab
        for (const address of [annAddress, bobAddress]) assert.match(address, /^10\.1\.0\.2\d$/)
        assert.notStrictEqual(annAddress, bobAddress)
        for (const guest of [ann, bob]) {
          const answer = yield* guest.succeed(`nslookup ${knownName.name} ${hostAddress}`)
          assert.include(answer, knownName.address)
        }
        yield* nothingIsLost
      }), 60_000)

    it.scoped("TCP transfers arrive whole: up and down, and opened by host and neighbour", () =>
      Effect.gen(function*() {
        const { ann, annAddress, bob, directory, host, transfers } = yield* HonestLab
        for (const guest of [ann, bob]) yield* prepareTransfers(guest, transfers)
        yield* transferBothWays(ann, transfers)
        const payload = path.join(directory, "payload")
        yield* host.succeed(`echo down | busybox nc ${hostAddress} ${transferPort} >${payload}`, 30_000)
        const toAnn = `nc ${annAddress} ${inboundPort}`
        assert.strictEqual(
          yield* receive(ann, host.succeed(`timeout 30 busybox ${toAnn} <${payload}`, 40_000)),
          transfers.sum
        )
        assert.strictEqual(
          yield* receive(ann, bob.succeed(`timeout 30 ${toAnn} </tmp/payload`, 40_000)),
          transfers.sum
        )
        yield* nothingIsLost
      }), 120_000)

    it.scoped("large packets arrive in fragments: echoes and UDP datagrams of 20,000 octets", () =>
      Effect.gen(function*() {
        const { ann, annAddress, bobAddress, host } = yield* HonestLab
        const large = "ping -q -s 20000 -c 20 -i 0.05"
        assertNoLoss(yield* ann.succeed(`${large} ${bobAddress}`), 20)
        assertNoLoss(yield* ann.succeed(`${large} ${hostAddress}`), 20)
        assertNoLoss(yield* host.succeed(`${large} ${annAddress}`), 20)
        yield* startIperfServer(host, "--bind", hostAddress)
        for (const direction of ["", "--reverse"]) {
          const report = yield* ann.succeed(
            `iperf3 --client ${hostAddress} --udp --length 20000 --bandwidth 8M --time 1 --json`
              + ` ${direction}`,
            20_000
          )
          // A warning about the size stands in front.
          const { lost, packets } = datagrams(report.slice(report.indexOf("{")))
          yield* say(`datagrams of 20,000 octets: ${packets}, lost ${lost}`)
          assert.isAbove(packets, 20)
          assert.strictEqual(lost, 0)
        }
        yield* nothingIsLost
      }), 120_000)

    it.scoped("UDP datagrams of 20,000 octets come back whole from the host", () =>
      Effect.gen(function*() {
        const { directory, host, socketPath } = yield* HonestLab
        const station = yield* startStation(socketPath, { mac: "52:54:00:00:02:02", address: "10.1.0.92" })
        yield* host.start(["socat", "-b", "65536", `UDP4-RECVFROM:7001,bind=${hostAddress},fork`, "PIPE"])
        yield* host.succeed(untilBound(7001))
        const payload = path.join(directory, "datagram")
        yield* host.succeed(`head -c 20000 /dev/urandom >${payload}`)
        const echo = `socat -b 65536 -t 1 - UDP4:${hostAddress}:7001 <${payload} | cmp - ${payload}`
        for (let times = 0; times < 2; times++) yield* station.succeed(echo)
        const reassembled = yield* station.succeed("awk '/^Ip: [0-9]/ { print $15 }' /proc/net/snmp")
        assert.isAtLeast(Number(reassembled), 2, "datagrams that came in fragments")
        yield* nothingIsLost
      }), 60_000)

    it.scoped("multicast of a guest reaches guests and host, the host's reaches the guests", () =>
      Effect.gen(function*() {
        const { ann, annAddress, bobAddress, host, socketPath } = yield* HonestLab
        const station = yield* startStation(socketPath, { mac: "52:54:00:00:02:01", address: "10.1.0.91" })
        yield* ann.succeed("ip route replace 224.0.0.0/4 dev vec0")
        yield* host.succeed(`ip route replace 224.0.0.0/4 dev ${tap}`)
        const heard = yield* ann.run(`ping -c 9 -i 0.1 -w 5 ${allHosts}`)
        for (const address of [bobAddress, hostAddress]) assert.include(heard.output, `from ${address}`)
        const answers = yield* host.succeed(`ping -c 9 -i 0.1 ${allHosts}; true`)
        for (const address of [annAddress, bobAddress]) assert.include(answers, `from ${address}`)

        const members = [yield* listen(station), yield* listen(host)]
        yield* ann.run(announce("to-a-group", allHosts))
        for (const member of members) yield* waitToHear(member, "to-a-group")
        yield* host.succeed(`busybox ${announce("of-the-host", allHosts)}; true`)
        yield* waitToHear(members[0]!, "of-the-host")
        yield* nothingIsLost
      }), 60_000)

    it.scoped("who looks for duplicate addresses finds those in use, and no others", () =>
      Effect.gen(function*() {
        const { ann, annAddress, bobAddress } = yield* HonestLab
        const probe = (address: string) =>
          Effect.map(ann.run(`arping -q -D -I vec0 -c 2 -w 3 ${address}`), ({ status }) => status)
        assert.strictEqual(yield* probe("10.1.0.99"), 0, "free")
        assert.strictEqual(yield* probe(bobAddress), 1, "a neighbour's")
        assert.strictEqual(yield* probe(hostAddress), 1, "the host's")
        yield* ann.run(`arping -q -U -I vec0 -c 2 -w 3 ${annAddress}`)
        yield* nothingIsLost
      }), 60_000)

    it.scoped("a guest that restarts with its MAC is back with its first frame", () =>
      Effect.gen(function*() {
        const { host, initramfs, socketPath } = yield* HonestLab
        const line = umlLine(socketPath, "52:54:00:00:00:0c")
        const plug = "ip link set vec0 down; ip addr flush dev vec0; ip addr add 10.1.0.12/24 dev vec0"
          + " && ip link set vec0 up"
        const boot = Effect.gen(function*() {
          const cat = yield* startUmlGuest({ name: "cat", initramfs, line })
          for (let times = 0; times < 2; times++) {
            yield* cat.succeed(plug)
            // One request, which is all that it has sent, and one answer.
            yield* cat.succeed(`arping -q -I vec0 -c 1 -w 2 ${hostAddress}`)
            assertNoLoss(yield* cat.succeed(`ping -q -c 5 -i 0.1 ${hostAddress}`), 5)
            assertNoLoss(yield* host.succeed("ping -q -c 5 -i 0.1 10.1.0.12"), 5)
          }
        })
        yield* Effect.scoped(boot)
        yield* Effect.scoped(boot)
        yield* nothingIsLost
      }), 90_000)

    it.scoped("a bridge inside a guest has eight stations, and each reaches the others and is reached", () =>
      Effect.gen(function*() {
        const { annAddress, host, socketPath } = yield* HonestLab
        const identities = Array.from({ length: 8 }, (_, i) => ({
          mac: `52:54:00:00:01:0${i}`,
          address: `10.1.0.${40 + i}`
        }))
        const stations = yield* startNestedBridge(socketPath, identities)
        const pings = (from: Netns, address: string) =>
          Effect.map(
            from.succeed(`ping -q -c 10 -i 0.05 ${address}`),
            (output) => assertNoLoss(output, 10)
          )
        for (const target of [hostAddress, annAddress]) {
          yield* Effect.forEach(stations, (station) => pings(station, target), { concurrency: "unbounded" })
        }
        yield* Effect.forEach(identities, ({ address }) => pings(host, address), { concurrency: "unbounded" })
        const macs = yield* host.succeed("awk '$1 ~ /^10.1.0.4/ { print $1, $4 }' /proc/net/arp | sort")
        assert.deepStrictEqual(
          macs.trim().split("\n"),
          identities.map(({ address, mac }) => `${address} ${mac}`)
        )
        yield* nothingIsLost
      }), 60_000)

    it.scoped("who joins a group gets what is sent to it, and the host hears that he did", () =>
      Effect.gen(function*() {
        const { ann, host, socketPath } = yield* HonestLab
        const station = yield* startStation(socketPath, { mac: "52:54:00:00:02:03", address: "10.1.0.93" })
        const reports = yield* host.start(["tcpdump", "-lvn", "-i", tap, "igmp and src 10.1.0.93"])
        yield* reports.waitUntil("capturing", () => reports.stderr().includes("listening on") || undefined, 10_000)
        yield* ann.succeed("ip route replace 224.0.0.0/4 dev vec0")
        const member = yield* listen(station, `,ip-add-membership=${group}:${card}`)
        yield* ann.run(announce("to-members", group))
        yield* waitToHear(member, "to-members")
        yield* waitToHear(reports, `gaddr ${group}`)
        yield* nothingIsLost
      }), 60_000)

    it.scoped("leases stay what they were, and nothing has been refused since the start", () =>
      Effect.gen(function*() {
        const { annAddress, bobAddress, directory } = yield* HonestLab
        const leases = fs.readFileSync(path.join(directory, "leases"), "utf8").trim().split("\n")
        assert.deepStrictEqual(leases.map((line) => line.split(" ")[2]).sort(), [annAddress, bobAddress].sort())
        yield* nothingIsLost
      }), 60_000)
  })
})
