import { assert, describe, it } from "@effect/vitest"
import type { Offer } from "../../src/services/Estate.ts"
import { misfit } from "../../src/services/TakeoverFit.ts"
import type { SwitchRequest } from "../../src/services/SwitchRequest.ts"

const offered = (interfaceName: string, printedName: string): Offer => ({
  version: "0",
  pid: 1,
  simulated: false,
  pidFilePath: null,
  tap: { interfaceName, printedName, macAddress: { hi: 0, lo: 1 }, mtuBytes: 1500 },
  bridgeName: null,
  address: null,
  ipv6: null,
  trunkPath: null,
  highestPort: 0
})

const asking = (tapName: string | undefined): SwitchRequest => ({
  secure: false,
  prefix: undefined,
  tapName,
  offload: true,
  bridgeName: undefined,
  socketPath: "/run/vknet",
  socketMode: 0o660,
  groupName: undefined,
  pidFilePath: undefined,
  trunk: undefined,
  mtuBytes: undefined,
  guestPorts: 1024,
  guestPortsPerUid: 256,
  stationAgeSeconds: 300,
  policy: {},
  hashSeed: [1, 2]
})

const onLinux = offered("tap3", "tap3")
const onDragonFly = offered("tap3", "/dev/tap3")
/** There a node keeps its name when its interface is given another. */
const renamed = offered("lab0", "/dev/tap3")

describe("the tap of a switch that is taken over", () => {
  it.each<[string, Offer, string]>([
    ["auto", onLinux, "auto"],
    ["its interface", onLinux, "tap3"],
    ["the node that command lines made for BSD name", onLinux, "/dev/tap3"],
    ["the node that makes one", onLinux, "/dev/net/tun"],
    ["its interface", onDragonFly, "tap3"],
    ["its node", onDragonFly, "/dev/tap3"],
    ["the node that makes one", onDragonFly, "/dev/tap"],
    ["its node, of another name than the interface", renamed, "/dev/tap3"],
    ["that node without its directory", renamed, "tap3"]
  ])("is the same as %s", (_, offer, tapName) => {
    assert.isUndefined(misfit(offer, asking(tapName)))
  })

  it.each<[Offer, string | undefined]>([
    [onLinux, "tap4"],
    [onLinux, "/dev/tap4"],
    [onLinux, "/dev/tap"],
    [onLinux, "/srv/tap3"],
    [onLinux, "/dev/net/tap3"],
    [onLinux, undefined],
    [onDragonFly, "/dev/tap33"],
    [renamed, "lab1"]
  ])("is another than the one that is asked for", (offer, tapName) => {
    assert.strictEqual(
      misfit(offer, asking(tapName)),
      `its tap is ${offer.tap!.interfaceName}, not ${tapName ?? "none"} (give the same -t or --no-tap)`
    )
  })

  it("is none: no name fits", () => {
    const none: Offer = { ...onLinux, tap: null }
    assert.isUndefined(misfit(none, asking(undefined)))
    for (const name of ["auto", "tap0", "/dev/net/tun"]) {
      assert.strictEqual(misfit(none, asking(name)), `its tap is none, not ${name} (give the same -t or --no-tap)`)
    }
  })
})
