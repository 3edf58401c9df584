import * as Admission from "../domain/Admission.ts"
import { TAP_PORT } from "../domain/Bounds.ts"
import * as Claims from "../domain/Claims.ts"
import type { Policy } from "../domain/policy/Policy.ts"
import * as Policies from "../domain/policy/Policy.ts"
import type { Ports } from "../domain/Ports.ts"
import type { SwitchSettings } from "../domain/SwitchSettings.ts"
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

/** Another MAC address, or MTU, of the tap: rules L3, F1 and B6, and what it takes, go by the new one. */
export const changeTap = (forwarder: Forwarder): void => {
  const { exchange: { events: { count, rows }, nowMs }, memory } = forwarder
  for (let at = 0; at < count * EVENT_WIDTH; at += EVENT_WIDTH) {
    if (rows[at + EventField.kind] !== EventKind.TapChanged) continue
    const { tapMac: formerMac, tapMtuBytes: formerMtuBytes } = forwarder.settings
    const mtuBytes = rows[at + EventField.detail]!
    const mac = { hi: rows[at + EventField.uid]!, lo: rows[at + EventField.gid]! }
    configure(forwarder, { ...forwarder.settings, tapMac: mac, tapMtuBytes: mtuBytes })
    if (formerMac !== undefined) Claims.hostFormer(memory, formerMac, nowMs)
    forwarder.notify({ kind: "tap-changed", mac, mtuBytes, formerMac, formerMtuBytes })
  }
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
