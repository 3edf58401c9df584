import type { MacAddress } from "../../domain/MacAddress.ts"
import type { SwitchSettings } from "../../domain/SwitchSettings.ts"
import type { PlaneNotice } from "../../services/PlaneNotice.ts"
import type { PlaneQuestion, PlaneReply } from "../../services/PlaneQuestion.ts"

/** A tap, as it crosses threads: its descriptor stays the main thread's. */
export interface PlaneTap {
  readonly handle: number
  readonly mac: MacAddress
  readonly mtuBytes: number
}

/** What the forwarding thread is given when it starts. */
export interface PlaneStart {
  readonly settings: SwitchSettings
  readonly tap: PlaneTap | undefined
  /** Descriptors: of the listening sockets, the trunks' -1 for none, and of the wake's polled end. */
  readonly listener: number
  readonly trunkListener: number
  readonly wake: number
  /** Memory of the counters. */
  readonly memory: SharedArrayBuffer
  /** Memory of the ring of captured frames. */
  readonly captured: ArrayBufferLike
}

/** What it can be told while it runs; a wake makes it look. Each is answered with {@link PlaneAnswer}. */
export type PlaneCommand =
  | { readonly kind: "attach-tap"; readonly tap: PlaneTap }
  | { readonly kind: "detach-tap" }
  | { readonly kind: "ask"; readonly question: PlaneQuestion }
  | { readonly kind: "stop" }

/**
 * What it says: that it has started, with the errno of attaching the tap; the answers to commands in their order; and
 * notices.
 */
export type PlaneAnswer =
  | { readonly kind: "started"; readonly errno: number }
  | { readonly kind: "done"; readonly errno: number; readonly reply?: PlaneReply }
  | PlaneNotice
