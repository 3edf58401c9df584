import type { MacAddress } from "../domain/MacAddress.ts"
import type { Refusal } from "../domain/Reason.ts"

/** What the data plane tells the rest of the program: rare things, one object each. Plain data: it crosses threads. */
export type PlaneNotice =
  | {
    readonly kind: "opened"
    readonly port: number
    readonly uid: number
    readonly gid: number
    readonly pid: number
    readonly trunk: boolean
  }
  | { readonly kind: "closed"; readonly port: number; readonly received: number }
  /** `errno` is 0 unless the refusal is `CONN_ERROR`. */
  | {
    readonly kind: "refused"
    readonly refusal: Refusal
    readonly uid: number
    readonly pid: number
    readonly errno: number
  }
  /**
   * A port is denied something for a reason: the first time, and again after `Bounds.denialLogSeconds`. `frames` is
   * how many so far.
   */
  | { readonly kind: "denied"; readonly port: number; readonly reason: number; readonly frames: number }
  | { readonly kind: "tap-lost"; readonly errno: number }
  /** The interface has another MAC address, or takes frames of another size. */
  | {
    readonly kind: "tap-changed"
    readonly mac: MacAddress
    readonly mtuBytes: number
    readonly formerMac: MacAddress | undefined
    readonly formerMtuBytes: number
  }
  /** The host speaks from another MAC address than before, that of the tap's bridge; undefined: the tap's own. */
  | {
    readonly kind: "bridge-changed"
    readonly mac: MacAddress | undefined
    readonly formerMac: MacAddress | undefined
  }
