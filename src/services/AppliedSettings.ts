import * as Admission from "../domain/Admission.ts"
import { TAP_PORT } from "../domain/Bounds.ts"
import * as Claims from "../domain/Claims.ts"
import type { MacAddress } from "../domain/MacAddress.ts"
import type { Policy } from "../domain/policy/Policy.ts"
import * as Policies from "../domain/policy/Policy.ts"
import type { Ports } from "../domain/Ports.ts"
import { hostMacOf, type SwitchSettings } from "../domain/SwitchSettings.ts"
import type { Forwarder } from "./Forwarder.ts"
import { EVENT_WIDTH, EventField, EventKind } from "./FrameExchange.ts"

/* The settings that a forwarding loop goes by, and what its rules read of them. */

/**
 * Other settings from now on; no connection ends by it. The sizes of frames, of the tables and the number of ports are
 * those of the start.
 */
export const configure = (forwarder: Forwarder, settings: SwitchSettings): void => {
  forwarder.settings = settings
  forwarder.policy = policyFor(settings, forwarder.ports)
  Admission.configure(forwarder.memory, settings)
  forwarder.outlets.apart.isolate = forwarder.memory.policy.isolate
}

/** Another MAC address, or MTU, of the tap or its bridge: rules L3, F1 and B6, and what it takes, go by the new one. */
export const changeTap = (forwarder: Forwarder): void => {
  const { exchange: { events: { count, rows } } } = forwarder
  for (let at = 0; at < count * EVENT_WIDTH; at += EVENT_WIDTH) {
    const kind = rows[at + EventField.kind]
    const mac = { hi: rows[at + EventField.uid]!, lo: rows[at + EventField.gid]! }
    if (kind === EventKind.TapChanged) changeLink(forwarder, mac, rows[at + EventField.detail]!)
    else if (kind === EventKind.BridgeChanged) {
      changeBridge(forwarder, mac.hi === 0 && mac.lo === 0 ? undefined : mac)
    }
  }
}

const changeLink = (forwarder: Forwarder, mac: MacAddress, mtuBytes: number): void => {
  const { tapMac: formerMac, tapMtuBytes: formerMtuBytes } = forwarder.settings
  changeHost(forwarder, { ...forwarder.settings, tapMac: mac, tapMtuBytes: mtuBytes })
  forwarder.notify({ kind: "tap-changed", mac, mtuBytes, formerMac, formerMtuBytes })
}

const changeBridge = (forwarder: Forwarder, mac: MacAddress | undefined): void => {
  const { bridgeMac: formerMac } = forwarder.settings
  changeHost(forwarder, { ...forwarder.settings, bridgeMac: mac })
  forwarder.notify({ kind: "bridge-changed", mac, formerMac })
}

const changeHost = (forwarder: Forwarder, settings: SwitchSettings): void => {
  const former = hostMacOf(forwarder.settings)
  configure(forwarder, settings)
  if (former !== undefined) Claims.hostFormer(forwarder.memory, former, forwarder.exchange.nowMs)
}

/** What the rules read; whoever may run a DHCP server, and trunks, are marked by port. */
export const policyFor = (settings: SwitchSettings, ports: Ports): Policy => {
  const policy = Policies.make(settings, settings.policy)
  for (let k = 0; k < ports.openCount; k++) mark(settings, policy, ports, ports.open[k]!)
  return policy
}

/** Marks an open port in what the rules read. */
export const mark = (settings: SwitchSettings, policy: Policy, ports: Ports, port: number): void => {
  const server = settings.policy?.dhcpServer
  policy.trunks[port] = ports.trunk[port]!
  if (port !== TAP_PORT && typeof server === "number") policy.dhcpServers[port] = Number(ports.uid[port] === server)
}
