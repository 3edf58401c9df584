import { Bounds } from "./Bounds.ts"

/**
 * Who is to be sent what: the outcome of routing a batch, in the order of sending.
 *
 * Entry `i` sends the frame in slot `slot[i]` out of port `egress[i]`. Entries of one
 * egress are sent in their order. After a step `outcome[i]` is 0 where the kernel took
 * the frame, else the errno; `failed` counts the latter. A frame that floods is
 * one slot named by many entries: it is never copied.
 */
export interface SendPlan {
  readonly slot: Uint16Array<ArrayBufferLike>
  readonly egress: Uint16Array<ArrayBufferLike>
  /** Octets of each frame: by the time it is counted as sent, its slot may hold another. */
  readonly size: Uint16Array<ArrayBufferLike>
  readonly outcome: Uint8Array<ArrayBufferLike>
  /** Entries to send, 0 … capacity. */
  count: number
  /** Entries of the last step that were not taken. */
  failed: number
}

/** Allocates a plan for a switch of `portCount` ports: a whole batch may flood, and all that is kept may go. */
export const make = (portCount: number): SendPlan => {
  const capacity = Bounds.batchFrames * portCount + Bounds.backlogFrames
  return {
    slot: new Uint16Array(capacity),
    egress: new Uint16Array(capacity),
    size: new Uint16Array(capacity),
    outcome: new Uint8Array(capacity),
    count: 0,
    failed: 0
  }
}

/** Appends an entry. The capacity of `make` cannot be exceeded by one batch and the backlog. */
export const add = (plan: SendPlan, slot: number, egress: number, size: number): void => {
  const i = plan.count++
  plan.slot[i] = slot
  plan.egress[i] = egress
  plan.size[i] = size
}

/**
 * Takes a closing port's entries out of the plan, so that they cannot reach whoever gets its number next.
 * Returns how many frames of the batch that were; kept ones are counted where they are kept.
 */
export const withdraw = (plan: SendPlan, port: number): number => {
  let kept = 0
  let withdrawn = 0
  for (let i = 0; i < plan.count; i++) {
    if (plan.egress[i] === port) {
      if (plan.slot[i]! < Bounds.batchFrames) withdrawn++
      continue
    }
    plan.slot[kept] = plan.slot[i]!
    plan.egress[kept] = plan.egress[i]!
    plan.size[kept] = plan.size[i]!
    kept++
  }
  plan.count = kept
  return withdrawn
}
