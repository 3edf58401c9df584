import * as Effect from "effect/Effect"
import * as Ipv6Prefixes from "../domain/Ipv6Prefix.ts"
import * as Prefixes from "../domain/Prefix.ts"
import type { Inventory, Offer, Role } from "./Estate.ts"
import { type HandoverSource, HandoverKept } from "./Handover.ts"
import type { PlaneEstate } from "./DataPlane.ts"
import type { PortDirectory } from "./PortDirectory.ts"
import type { SocketNode } from "./SeqpacketListener.ts"
import type { RunningSwitch } from "./Switch.ts"
import type { Tap } from "./TapDevice.ts"

/** What serves questions about a switch, and goes along with it. */
export interface ControlEnds {
  readonly control: { readonly handle: number; readonly node: SocketNode } | undefined
  readonly metrics: TcpEnd | undefined
  readonly web: TcpEnd | undefined
}

/** What listens over TCP. */
export interface TcpEnd {
  readonly handle: number
  readonly host: string
  readonly port: number
}

/** A running switch as something that can be handed over. */
export const make = (options: {
  readonly running: RunningSwitch
  readonly ends: ControlEnds
  readonly simulated: boolean
  readonly version: string
  readonly pid: number
  readonly startedMs: number
  readonly ownership: { held: boolean }
  readonly notifySocket: string | undefined
  readonly descriptorStoreMax: number
  /** Told the number of the process that has the switch now. */
  readonly handedOver: (pid: number) => void
  /** Writes our number into the pid file again, and tells the service manager. */
  readonly regain: Effect.Effect<void>
}): HandoverSource => {
  const { ownership, running } = options
  return {
    offer: Effect.suspend(() => {
      if (running.request.tapName !== undefined && running.directory.tap.state !== "up") {
        return new HandoverKept({ reason: "its tap is lost and being opened again (try again)" })
      }
      return Effect.succeed(offerOf(options))
    }),
    rest: Effect.map(running.plane.rest, (plane) => ({
      ...inventoryOf(options, plane),
      knowledge: plane.state.knowledge!
    })),
    resume: running.plane.resume,
    regain: options.regain,
    relinquish: (pid) =>
      Effect.sync(() => {
        ownership.held = false
        options.handedOver(pid)
      })
  }
}

const offerOf = ({ pid, running, simulated, version }: Parameters<typeof make>[0]): Offer => {
  const { directory, request } = running
  const tap = running.belongings().uplink?.tap
  return {
    version,
    pid,
    simulated,
    pidFilePath: request.pidFilePath ?? null,
    tap: tap === undefined ? null : factsOf(tap, directory),
    bridgeName: request.bridgeName ?? null,
    address: request.prefix === undefined ? null : Prefixes.format(request.prefix),
    ipv6: request.policy.ipv6 === undefined ? null : Ipv6Prefixes.format(request.policy.ipv6),
    trunkPath: request.trunk?.path ?? null,
    highestPort: Math.max(0, ...directory.guests.keys())
  }
}

const addressOf = (end: TcpEnd | undefined) => end === undefined ? null : { host: end.host, port: end.port }

/** What it was opened with may have changed since. */
const factsOf = (tap: Tap, { tap: { link } }: PortDirectory) => ({
  interfaceName: tap.interfaceName,
  printedName: tap.printedName,
  macAddress: link?.mac ?? tap.macAddress,
  mtuBytes: link?.mtuBytes ?? tap.mtuBytes
})

/** The ports are those that the forwarding thread has: the directory may lag behind it by a notice or two. */
const inventoryOf = (
  { descriptorStoreMax, ends: { control, metrics, web }, notifySocket, running, startedMs }: Parameters<typeof make>[0],
  { handles, state }: PlaneEstate
): { readonly inventory: Inventory; readonly descriptors: ReadonlyArray<number> } => {
  const { directory } = running
  const { listener, pidFile, trunkListener, uplink } = running.belongings()
  const open: ReadonlyArray<readonly [Role, number | undefined]> = [
    ["listener", listener.handle],
    ["trunk-listener", trunkListener?.handle],
    ["control", control?.handle],
    ["metrics", metrics?.handle],
    ["web", web?.handle],
    ["tap", uplink?.tap.handle],
    ["pid-file", pidFile]
  ]
  const ours = open.flatMap(([role, handle]) => handle === undefined ? [] : [{ role, handle }])
  const membership = uplink?.membership
  return {
    descriptors: [...ours.map(({ handle }) => handle), ...handles],
    inventory: {
      roles: ours.map(({ role }) => role),
      listenerNode: listener.node ?? null,
      trunkNode: trunkListener?.node ?? null,
      controlNode: control?.node ?? null,
      metrics: addressOf(metrics),
      web: addressOf(web),
      tap: uplink === undefined ? null : {
        ...factsOf(uplink.tap, directory),
        sinceMs: directory.tap.sinceMs
      },
      membership: membership === undefined ? null : {
        bridgeName: membership.bridgeName,
        created: membership.created,
        added: !membership.alreadyMember,
        assigned: membership.assigned,
        assigned6: membership.assigned6
      },
      guests: state.ports.map((port, i) => {
        const known = directory.guests.get(port)
        return {
          port,
          uid: state.uid[i]!,
          pid: known?.pid ?? 0,
          trunk: state.trunks.includes(port),
          openedMs: known?.openedMs ?? startedMs
        }
      }),
      notifySocket: notifySocket ?? null,
      descriptorStoreMax,
      startedMs
    }
  }
}
