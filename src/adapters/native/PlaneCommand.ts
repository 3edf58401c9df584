import type { MacAddress } from "../../domain/MacAddress.ts"
import type { SwitchSettings } from "../../domain/SwitchSettings.ts"
import type { PlaneEstate } from "../../services/DataPlane.ts"
import type { PlaneNotice } from "../../services/PlaneNotice.ts"
import type { PlaneQuestion, PlaneReply } from "../../services/PlaneQuestion.ts"

/** A tap as the forwarding thread knows it: its descriptor and what rules read. */
export interface AttachedTap {
  readonly handle: number
  readonly mac: MacAddress
  readonly mtuBytes: number
}

/** What it can be told; a wake makes it look. Each is answered with {@link PlaneAnswer}. */
export type PlaneCommand =
  /** The first of all, and told once: makes everything, and rests. */
  | {
    readonly kind: "begin"
    /** The polled end of its wake. */
    readonly wake: number
    readonly settings: SwitchSettings
    /** Memory of the counters. */
    readonly memory: SharedArrayBuffer
    /** Memory of the ring of captured frames. */
    readonly captured: ArrayBufferLike
    /** How many of its notices have been dealt with. */
    readonly heard: Int32Array<ArrayBufferLike>
  }
  /**
   * The second: the descriptors to accept from, the trunks' -1 for none, the tap, and what to go on with. Without that
   * it forwards at once; nobody is let in before the tap is.
   */
  | {
    readonly kind: "serve"
    readonly listener: number
    readonly trunkListener: number
    readonly tap: AttachedTap | undefined
    readonly inherited: PlaneEstate | undefined
  }
  | { readonly kind: "attach-tap"; readonly tap: AttachedTap }
  | { readonly kind: "detach-tap" }
  | { readonly kind: "ask"; readonly question: PlaneQuestion }
  /** Makes other descriptors of these ports' connections. */
  | { readonly kind: "copy"; readonly ports: ReadonlyArray<number> }
  /** Rests, and tells its state. */
  | { readonly kind: "rest" }
  | { readonly kind: "resume" }
  | { readonly kind: "stop" }

/** What it says: the answers to commands in their order, and notices. */
export type PlaneAnswer =
  | {
    readonly kind: "done"
    readonly errno: number
    /** Of `serve`: whether it was the tap that failed. */
    readonly ofTap?: boolean
    readonly reply?: PlaneReply
    readonly estate?: PlaneEstate
    /** Descriptors for who asked to close, or negated errnos. */
    readonly copies?: ReadonlyArray<number>
  }
  | PlaneNotice
