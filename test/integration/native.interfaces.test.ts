import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { EventKind } from "../../src/services/FrameExchange.ts"
import * as Child from "./native/NativeChild.ts"
import { errno } from "./native/TestExchange.ts"

/*
 * Real taps, addresses and bridges, in a network namespace of the test's own: root's, or one that a
 * user namespace makes us root of.
 */

const namespaces = [["unshare", "-n"], ["unshare", "-Urn"]] as const
const namespace = namespaces.find(([command, ...args]) =>
  spawnSync(command, [...args, "ip", "tuntap", "add", "mode", "tap"]).status === 0
)
if (namespace === undefined) {
  process.stderr.write("tests of taps and bridges do not run: no tap can be made here (be root, and modprobe tun)\n")
}

const inNamespace = (test: (child: Child.NativeChild) => Promise<void>): Promise<void> => Child.within(namespace!, test)

const open = ({ binding }: Child.Tools, request: string, offload = false) => {
  const tap = binding.openTap(request, offload)
  return typeof tap === "number" ? binding.errnoName(-tap) : { ...tap, mac: Array.from(tap.mac) }
}

interface Link {
  readonly ifname: string
  readonly flags: ReadonlyArray<string>
  readonly mtu: number
  readonly address: string
  readonly master?: string
  readonly addr_info: ReadonlyArray<{ readonly local: string; readonly prefixlen: number; readonly broadcast?: string }>
}

/** What ip(8) says of an interface. */
const look = ({ run }: Child.Tools, name: string): Link => {
  const [link] = JSON.parse(run("ip", "-j", "addr", "show", "dev", name))
  return { ...link, addr_info: link.addr_info.filter(({ family }: { readonly family: string }) => family === "inet") }
}
/** Its IPv6 addresses that are not link-local, with what ip(8) says of their state. */
const look6 = ({ run }: Child.Tools, name: string): ReadonlyArray<string> => {
  const [link] = JSON.parse(run("ip", "-6", "-j", "addr", "show", "dev", name, "scope", "global"))
  const rows: ReadonlyArray<{ local?: string; prefixlen?: number; nodad?: boolean; tentative?: boolean }> =
    link?.addr_info ?? []
  return rows.filter(({ local }) => local !== undefined).map(({ local, nodad, prefixlen, tentative }) =>
    `${local}/${prefixlen}${nodad === true ? " nodad" : ""}${tentative === true ? " tentative" : ""}`)
}
/** Whether ip(8) knows an interface. */
const exists = ({ run }: Child.Tools, name: string): boolean =>
  JSON.parse(run("ip", "-j", "link")).some((link: { readonly ifname: string }) => link.ifname === name)
const ip = ({ run }: Child.Tools, line: string) => run("ip", ...line.split(" "))

const opened = async (child: Child.NativeChild, request: string) => {
  const tap = await child.evaluate(open, request)
  return typeof tap === "string" ? assert.fail(tap) : tap
}

describe.runIf(namespace !== undefined)("the addon's taps", () => {
  it("auto is the first that is free, and tells the interface's own address and MTU", () =>
    inNamespace(async (child) => {
      const expected = [["auto", "tap0"], ["tap2", "tap2"], ["/dev/net/tun", "tap1"], ["auto", "tap3"]] as const
      for (const [request, name] of expected) {
        const tap = await opened(child, request)
        const link = await child.evaluate(look, name)
        assert.deepInclude(tap, { interfaceName: name, printedName: name, mtu: 1500 })
        assert.strictEqual(tap.mac.map((octet) => octet.toString(16).padStart(2, "0")).join(":"), link.address)
      }
    }))

  it("a name is that interface; a BSD path names it too", () =>
    inNamespace(async (child) => {
      assert.strictEqual((await opened(child, "tap7")).interfaceName, "tap7")
      assert.strictEqual((await opened(child, "/dev/tap9")).interfaceName, "tap9")
      assert.strictEqual((await opened(child, "uplink-of-guest")).interfaceName, "uplink-of-guest")
    }))

  it("an open tap is busy, and one that its process left is gone", () =>
    inNamespace(async (child) => {
      const { fd } = await opened(child, "tap7")
      assert.strictEqual(await child.evaluate(open, "tap7"), "EBUSY")
      assert.strictEqual(await child.evaluate(open, "/dev/tap7"), "EBUSY")
      assert.isTrue(await child.evaluate(exists, "tap7"))
      await child.evaluate(({ binding }, fd: number) => binding.closeFd(fd), fd)
      assert.isFalse(await child.evaluate(exists, "tap7"))
      await opened(child, "tap7")
    }))

  it("a tap made beforehand is used as it is, and stays", () =>
    inNamespace(async (child) => {
      await child.evaluate(ip, "tuntap add dev tap5 mode tap")
      await child.evaluate(ip, "link set tap5 mtu 9000")
      const tap = await opened(child, "tap5")
      assert.strictEqual(tap.mtu, 9000)
      await child.evaluate(({ binding }, fd: number) => binding.closeFd(fd), tap.fd)
      assert.isTrue(await child.evaluate(exists, "tap5"))
    }))

  it("what is no tap and cannot be one is refused", () =>
    inNamespace(async (child) => {
      await child.evaluate(ip, "tuntap add dev tun4 mode tun")
      const others = ["lo", "tun4", "", ".", "..", "a/b", "a b", "tap%d", "sixteen-letters-"]
      for (const request of [...others, "/dev/null", "/etc", "/etc/passwd"]) {
        assert.strictEqual(await child.evaluate(open, request), "EINVAL", request)
      }
      for (const request of ["/dev/no-such", "/no/such", "/dev/tap1/2"]) {
        assert.strictEqual(await child.evaluate(open, request), "ENOENT", request)
      }
      const links = await child.evaluate(({ run }) => JSON.parse(run("ip", "-j", "link")).length as number)
      assert.strictEqual(links, 2)
    }))
})

describe.runIf(namespace !== undefined)("the addon's exchange with a tap", () => {
  it("carries frames both ways, knows what was cut, refuses frames while it is down, and tells its loss once", () =>
    inNamespace(async (child) => {
      const told = await child.evaluate(({ binding, exchange, run }) => {
        const tap = binding.openTap("tap0", false)
        if (typeof tap === "number") throw new Error(binding.errnoName(-tap))
        binding.assignAddress("tap0", 0x0a01_0001, 0xffff_ff00, false)
        binding.bringUp("tap0")
        run("ip", "neigh", "add", "10.1.0.2", "lladdr", "02:00:00:00:00:02", "dev", "tap0")
        const hub = exchange(-1)
        const attached = hub.native.attachTap(tap.fd)
        /** Frames from the host to 02:…:02, or of type ARP; what IPv6 says unasked is not ours. */
        const hear = () => {
          const heard: ReturnType<typeof hub.step> = []
          for (let i = 0; i < 20; i++) {
            heard.push(...hub.step(20).filter(({ octets }) => octets[0] === 2 || octets[13] === 6))
          }
          return heard.map(({ octets, port, size }) => ({ port, size, type: octets[12]! * 256 + octets[13]! }))
        }
        const datagram = (size: number) => run("bash", "-c", `printf %${size}s > /dev/udp/10.1.0.2/9`)
        datagram(1000)
        const whole = hear()
        run("ip", "link", "set", "tap0", "mtu", "3000")
        datagram(1400)
        datagram(2500)
        const cut = hear()
        // Who has 10.1.0.1? Tell 10.1.0.2.
        const request = [
          ...[255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
          ...[2, 0, 0, 0, 0, 2, 10, 1, 0, 2, 0, 0, 0, 0, 0, 0, 10, 1, 0, 1]
        ]
        const asked = hub.send(request, 0)
        const answered = hear()
        run("ip", "link", "set", "tap0", "down")
        const down = hub.send(request, 0, 0)
        run("ip", "link", "set", "tap0", "up")
        const again = hub.send(request, 0)
        hear()
        run("ip", "link", "del", "tap0")
        hub.step(1000)
        const lost = hub.rows()
        const gone = hub.send(request, 0)
        const started = performance.now()
        hub.step(50)
        return {
          attached, whole, cut, asked, answered, down, again, gone, lost, waitedMs: performance.now() - started
        }
      })
      assert.strictEqual(told.attached, 0)
      assert.deepStrictEqual(told.whole, [{ port: 0, size: 14 + 28 + 1000, type: 0x0800 }])
      assert.deepStrictEqual(told.cut.map(({ size }) => size), [14 + 28 + 1400, 1519])
      assert.deepStrictEqual(told.asked, [0])
      assert.deepStrictEqual(told.answered, [{ port: 0, size: 42, type: 0x0806 }])
      assert.deepStrictEqual(told.down, [errno.EIO, errno.EIO])
      assert.deepStrictEqual(told.again, [0])
      assert.deepStrictEqual(told.lost.map(([kind, port]) => [kind, port]), [[EventKind.TapLost, 0]])
      assert.isAbove(told.lost[0]![2], 0)
      assert.deepStrictEqual(told.gone, [errno.EPIPE])
      assert.isAtLeast(told.waitedMs, 45)
    }))
})

describe.runIf(namespace !== undefined)("the addon's exchange on a busy host", () => {
  it("is not woken by what happens to other interfaces", () =>
    inNamespace(async (child) => {
      const told = await child.evaluate(({ binding, exchange, run }) => {
        const tap = binding.openTap("tap0", false)
        if (typeof tap === "number") throw new Error(binding.errnoName(-tap))
        const hub = exchange(-1)
        hub.native.attachTap(tap.fd)
        run("sh", "-c", "for i in $(seq 100); do echo link add b$i type bridge; echo link del b$i; done | ip -batch -")
        const startMs = performance.now()
        hub.step(200)
        return { rows: hub.rows(), waitedMs: performance.now() - startMs }
      })
      assert.deepStrictEqual(told.rows, [])
      assert.isAtLeast(told.waitedMs, 195)
    }))

  it("looks when more happened to its tap than there was room to tell", () =>
    inNamespace(async (child) => {
      const told = await child.evaluate(({ binding, exchange, run }) => {
        const tap = binding.openTap("tap0", false)
        if (typeof tap === "number") throw new Error(binding.errnoName(-tap))
        const hub = exchange(-1)
        hub.native.attachTap(tap.fd)
        const flood = "for i in $(seq 2000); do echo link set tap0 mtu $((1000 + i % 2)); done"
        run("sh", "-c", `(${flood}; echo link set tap0 mtu 1234) | ip -batch -`)
        // The last but one of what the kernel says of a netlink socket: messages for which there was no room.
        const lost = run("cat", "/proc/net/netlink").trim().split("\n").slice(1)
          .map((line) => Number(line.trim().split(/\s+/).at(-2)))
        const rows = []
        for (let i = 0; i < 20; i++) {
          hub.step(0)
          rows.push(...hub.rows())
        }
        const startMs = performance.now()
        hub.step(100)
        return { lost: Math.max(...lost), rows, waitedMs: performance.now() - startMs }
      })
      assert.isAbove(told.lost, 0)
      assert.deepStrictEqual(told.rows, [[EventKind.TapChanged, 0, 1234]])
      assert.isAtLeast(told.waitedMs, 95)
    }))
})

describe.runIf(namespace !== undefined)("the addon's addresses and flags", () => {
  const address = 0x0a01_0001
  const maskOf = (bits: number) => bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0
  const assign = ({ binding }: Child.Tools, [name, address, mask]: readonly [string, number, number]) => {
    const result = binding.assignAddress(name, address, mask, false)
    return result < 0 ? binding.errnoName(-result) : result
  }

  it("the mask is exactly the bits that were asked for", () =>
    inNamespace(async (child) => {
      await opened(child, "tap0")
      for (const bits of [0, 1, 8, 15, 16, 17, 24, 30, 31, 32]) {
        assert.strictEqual(await child.evaluate(assign, ["tap0", address, maskOf(bits)]), 1)
        // Again is no error, and instead of the one before, not beside it.
        assert.strictEqual(await child.evaluate(assign, ["tap0", address, maskOf(bits)]), 0)
        const { addr_info: told } = await child.evaluate(look, "tap0")
        assert.deepStrictEqual(told.map(({ local, prefixlen }) => `${local}/${prefixlen}`), [`10.1.0.1/${bits}`])
        if (bits === 24) assert.strictEqual(told[0]!.broadcast, "10.1.0.255")
        if (bits >= 31) assert.isUndefined(told[0]!.broadcast)
      }
    }))

  const assign6 = ({ binding }: Child.Tools, [name, tail, bits]: readonly [string, number, number]) => {
    const octets = Uint8Array.of(0xfd, 0, 0, 1, ...new Array<number>(11).fill(0), tail)
    const result = binding.assignAddress6(name, octets, bits, false)
    return result < 0 ? binding.errnoName(-result) : result
  }

  it("an IPv6 address is the host's at once, with exactly its prefix, and is one whatever prefix it had", () =>
    inNamespace(async (child) => {
      await opened(child, "tap0")
      await child.evaluate(({ binding }) => binding.bringUp("tap0"), undefined)
      for (const bits of [1, 8, 48, 63, 64, 65, 127, 128]) {
        assert.strictEqual(await child.evaluate(assign6, ["tap0", 1, bits]), 1)
        assert.strictEqual(await child.evaluate(assign6, ["tap0", 1, bits]), 0)
        assert.deepStrictEqual(await child.evaluate(look6, "tap0"), [`fd00:1::1/${bits} nodad`])
      }
      assert.strictEqual(await child.evaluate(assign6, ["tap0", 2, 64]), 1)
      assert.sameMembers([...await child.evaluate(look6, "tap0")], ["fd00:1::1/128 nodad", "fd00:1::2/64 nodad"])
      assert.strictEqual(await child.evaluate(assign6, ["tap1", 1, 64]), "ENODEV")
    }))

  it("an IPv6 address that the administrator gave to a tap beforehand is no error", () =>
    inNamespace(async (child) => {
      await child.evaluate(ip, "tuntap add dev tap5 mode tap")
      await child.evaluate(ip, "link set tap5 up")
      await child.evaluate(ip, "addr add fd00:1::1/48 dev tap5 nodad")
      await opened(child, "tap5")
      assert.strictEqual(await child.evaluate(assign6, ["tap5", 1, 64]), 1)
      assert.deepStrictEqual(await child.evaluate(look6, "tap5"), ["fd00:1::1/64 nodad"])
    }))

  it("an interface on which IPv6 is off is told as such", () =>
    inNamespace(async (child) => {
      await opened(child, "tap0")
      await child.evaluate(({ run }) => run("sysctl", "-q", "net.ipv6.conf.tap0.disable_ipv6=1"), undefined)
      assert.strictEqual(await child.evaluate(assign6, ["tap0", 1, 64]), "EACCES")
    }))

  it("the other addresses of an interface stay", () =>
    inNamespace(async (child) => {
      await opened(child, "tap0")
      await child.evaluate(ip, "addr add 192.0.2.1/24 dev tap0")
      assert.strictEqual(await child.evaluate(assign, ["tap0", address, maskOf(24)]), 1)
      const { addr_info: told } = await child.evaluate(look, "tap0")
      assert.sameMembers(told.map(({ local }) => local), ["192.0.2.1", "10.1.0.1"])
    }))

  it("a mask with a hole, and an interface that is not there, are refused", () =>
    inNamespace(async (child) => {
      await opened(child, "tap0")
      assert.strictEqual(await child.evaluate(assign, ["tap0", address, 0xff00_ff00]), "EINVAL")
      assert.strictEqual(await child.evaluate(assign, ["tap1", address, maskOf(24)]), "ENODEV")
    }))

  it("bringing up changes one flag", () =>
    inNamespace(async (child) => {
      const up = ({ binding }: Child.Tools, name: string) => binding.bringUp(name)
      await opened(child, "tap0")
      await child.evaluate(ip, "link set tap0 arp off multicast off promisc on")
      const before = await child.evaluate(look, "tap0")
      assert.notInclude(before.flags, "UP")
      assert.strictEqual(await child.evaluate(up, "tap0"), 0)
      assert.strictEqual(await child.evaluate(up, "tap0"), 0)
      const after = await child.evaluate(look, "tap0")
      assert.includeMembers([...after.flags], ["UP", "NOARP", "PROMISC"])
      assert.notInclude(after.flags, "MULTICAST")
      assert.strictEqual(await child.evaluate(up, "tap1"), -errno.ENODEV)
    }))
})

describe.runIf(namespace !== undefined)("the addon's bridges", () => {
  type Call =
    | readonly ["bridgeCreate" | "bridgeDestroy" | "bridgeMemberCount" | "bringUp", string]
    | readonly ["bridgeAdd" | "bridgeRemove", string, string]
  const call = ({ binding }: Child.Tools, line: Call): number | string => {
    const result = line[0] === "bridgeAdd" || line[0] === "bridgeRemove"
      ? binding[line[0]](line[1], line[2])
      : binding[line[0]](line[1])
    return result < 0 ? binding.errnoName(-result) : result
  }

  it("made, joined, left and removed, each told as what it changed", () =>
    inNamespace(async (child) => {
      await opened(child, "tap0")
      const steps: ReadonlyArray<readonly [Call, number | string]> = [
        [["bridgeCreate", "bridge0"], 1],
        [["bridgeCreate", "bridge0"], 0],
        [["bridgeMemberCount", "bridge0"], 0],
        [["bridgeAdd", "bridge0", "tap0"], 1],
        [["bridgeAdd", "bridge0", "tap0"], 0],
        [["bridgeMemberCount", "bridge0"], 1],
        [["bringUp", "bridge0"], 0],
        [["bridgeRemove", "bridge0", "tap0"], 0],
        [["bridgeRemove", "bridge0", "tap0"], 0],
        [["bridgeMemberCount", "bridge0"], 0],
        [["bridgeDestroy", "bridge0"], 0],
        [["bridgeDestroy", "bridge0"], "ENXIO"],
        [["bridgeRemove", "bridge0", "tap0"], 0]
      ]
      for (const [line, expected] of steps) {
        assert.strictEqual(await child.evaluate(call, line), expected, line.join(" "))
      }
      assert.isFalse(await child.evaluate(exists, "bridge0"))
      assert.isTrue(await child.evaluate(exists, "tap0"))
    }))

  it("a member of another bridge is busy and stays there", () =>
    inNamespace(async (child) => {
      await opened(child, "tap0")
      await opened(child, "tap1")
      for (const name of ["bridge0", "bridge1"]) await child.evaluate(call, ["bridgeCreate", name])
      assert.strictEqual(await child.evaluate(call, ["bridgeAdd", "bridge1", "tap1"]), 1)
      assert.strictEqual(await child.evaluate(call, ["bridgeAdd", "bridge0", "tap0"]), 1)
      assert.strictEqual(await child.evaluate(call, ["bridgeAdd", "bridge1", "tap0"]), "EBUSY")
      assert.strictEqual(await child.evaluate(call, ["bridgeRemove", "bridge1", "tap0"]), 0)
      assert.strictEqual((await child.evaluate(look, "tap0")).master, "bridge0")
    }))

  it("an interface of that name that is no bridge is left alone", () =>
    inNamespace(async (child) => {
      await opened(child, "tap0")
      await opened(child, "tap1")
      const calls = [["bridgeCreate", "tap1"], ["bridgeAdd", "tap1", "tap0"], ["bridgeDestroy", "tap1"]] as const
      for (const line of calls) {
        assert.strictEqual(await child.evaluate(call, line), "EOPNOTSUPP", line.join(" "))
      }
      assert.strictEqual(await child.evaluate(call, ["bridgeAdd", "no-bridge", "tap0"]), "ENODEV")
      assert.isTrue(await child.evaluate(exists, "tap1"))
    }))
})
