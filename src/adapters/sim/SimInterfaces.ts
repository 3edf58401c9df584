import { errno } from "./Errno.ts"
import { SimTap } from "./SimTap.ts"

/** A bridge of the host. It moves no frames here: what the switch does with one is to be a member. */
export interface SimBridge {
  readonly kind: "bridge"
  readonly interfaceName: string
  /** Names of the interfaces in it. */
  readonly members: Set<string>
  /** As text, with their bits. */
  readonly addresses: Set<string>
  up: boolean
}

/** Something else that has a name, e.g. an Ethernet card. */
export interface SimOtherInterface {
  readonly kind: "other"
  readonly interfaceName: string
}

export type SimInterface = SimTap | SimBridge | SimOtherInterface

const NAME_BYTES_MAX = 15

const isName = (name: string): boolean =>
  name.length <= NAME_BYTES_MAX && /^[!-~]+$/.test(name) && !/[/:%]/.test(name) && name !== "." && name !== ".."

/** Units that `auto` tries: as many as a test could want. */
const TAP_UNITS = 256

/** The host's interfaces, by name. Operations return what they did, or the negated errno. */
export class SimInterfaces {
  readonly #byName = new Map<string, SimInterface>()
  #macs = 0

  get(interfaceName: string): SimInterface | undefined {
    return this.#byName.get(interfaceName)
  }

  tap(interfaceName: string): SimTap | undefined {
    const found = this.#byName.get(interfaceName)
    return found?.kind === "tap" ? found : undefined
  }

  bridge(bridgeName: string): SimBridge | undefined {
    const found = this.#byName.get(bridgeName)
    return found?.kind === "bridge" ? found : undefined
  }

  names(): ReadonlyArray<string> {
    return [...this.#byName.keys()].sort()
  }

  /** As the administrator does: makes a tap that stays, or an interface that is neither tap nor bridge. */
  add(interfaceName: string, kind: "tap" | "other"): void {
    if (kind === "tap") this.#make(interfaceName, 1500, true)
    else this.#byName.set(interfaceName, { kind: "other", interfaceName })
  }

  /** Opens a tap as `TapDevice` says: by name, by a device's path, or `auto`, the first name that is not taken. */
  open(request: string, mtuBytes: number): SimTap | number {
    if (request === "auto") {
      for (let unit = 0; unit < TAP_UNITS; unit++) {
        if (!this.#byName.has(`tap${unit}`)) return this.#openNamed(`tap${unit}`, mtuBytes)
      }
      return -errno.ENFILE
    }
    if (request.startsWith("/")) {
      const unit = /^\/dev\/(tap\d+)$/.exec(request)?.[1]
      return unit === undefined ? -errno.ENOENT : this.#openNamed(unit, mtuBytes)
    }
    return isName(request) ? this.#openNamed(request, mtuBytes) : -errno.EINVAL
  }

  /** The descriptor of a tap has been closed: one that was made by opening it goes. */
  close(tap: SimTap): void {
    tap.release()
    // One that vanished before may have had a successor of its name since.
    if (!tap.persistent && this.#byName.get(tap.interfaceName) === tap) this.remove(tap.interfaceName)
  }

  /** Deletes an interface, whoever uses it. */
  remove(interfaceName: string): void {
    const found = this.#byName.get(interfaceName)
    if (found === undefined) return
    this.#byName.delete(interfaceName)
    if (found.kind === "tap") {
      if (found.bridgeName !== undefined) this.bridge(found.bridgeName)?.members.delete(interfaceName)
      found.vanish()
    }
    if (found.kind === "bridge") {
      for (const member of found.members) {
        const tap = this.tap(member)
        if (tap !== undefined) tap.bridgeName = undefined
      }
    }
  }

  /** 1 made, 0 was there. */
  bridgeCreate(bridgeName: string): number {
    if (!isName(bridgeName)) return -errno.EINVAL
    const found = this.#byName.get(bridgeName)
    if (found !== undefined) return found.kind === "bridge" ? 0 : -errno.EOPNOTSUPP
    this.#byName.set(bridgeName, {
      kind: "bridge",
      interfaceName: bridgeName,
      members: new Set(),
      addresses: new Set(),
      up: false
    })
    return 1
  }

  /** 1 added, 0 is a member already. */
  bridgeAdd(bridgeName: string, member: string): number {
    const found = this.#byName.get(bridgeName)
    if (found === undefined) return -errno.ENODEV
    if (found.kind !== "bridge") return -errno.EOPNOTSUPP
    const tap = this.tap(member)
    if (tap === undefined) return -errno.ENODEV
    if (tap.bridgeName === bridgeName) return 0
    if (tap.bridgeName !== undefined) return -errno.EBUSY
    found.members.add(member)
    tap.bridgeName = bridgeName
    return 1
  }

  bridgeRemove(bridgeName: string, member: string): void {
    this.bridge(bridgeName)?.members.delete(member)
    const tap = this.tap(member)
    if (tap?.bridgeName === bridgeName) tap.bridgeName = undefined
  }

  #openNamed(interfaceName: string, mtuBytes: number): SimTap | number {
    const found = this.#byName.get(interfaceName)
    if (found !== undefined && found.kind !== "tap") return -errno.EINVAL
    if (found?.held === true) return -errno.EBUSY
    const tap = found ?? this.#make(interfaceName, mtuBytes, false)
    tap.held = true
    return tap
  }

  #make(interfaceName: string, mtuBytes: number, persistent: boolean): SimTap {
    const unit = this.#macs++
    const mac = Uint8Array.of(0x02, 0x76, 0x6b, 0x6e, (unit >>> 8) & 255, unit & 255)
    const tap = new SimTap(interfaceName, mac, mtuBytes, persistent)
    this.#byName.set(interfaceName, tap)
    return tap
  }
}
