import { TAP_PORT } from "../Bounds.ts"
import type { FrameBatch } from "../FrameBatch.ts"
import { Reason } from "../Reason.ts"
import * as Arp from "./Arp.ts"
import { EtherType } from "./EtherType.ts"
import * as Ipv4 from "./Ipv4.ts"
import * as Ipv6 from "./Ipv6.ts"
import * as Link from "./Link.ts"
import { u16 } from "./Octets.ts"
import type { Policy } from "./Policy.ts"
import * as Reception from "./Reception.ts"
import * as TapPolicy from "./TapPolicy.ts"

/**
 * Judges every frame of a batch by what it says of itself: by the rules that need no memory.
 *
 * | ingress | secure                 | `-U`             |
 * | ------- | ---------------------- | ---------------- |
 * | guest   | R, L1–L9, A, I, D or V | R, L1–L4         |
 * | tap     | R, L1, L2, L4–L9       | R, L1, L2, L4    |
 *
 * What passed from a guest is then judged for the tap (E). The order is fixed, and the
 * first rule that denies gives the reason; `Rules.ts` lists them all.
 *
 * Total: any octets in, a verdict out. Never throws, never allocates, changes nothing but
 * the two results, and reads no octet at or beyond a frame's size.
 *
 * @param batch     frames to judge; read only.
 * @param policy    what the rules compare with.
 * @param reason    out, `[batch.count]`: 0, or why the frame goes nowhere.
 * @param tapReason out, `[batch.count]`: 0, or why a frame that passed is kept from the tap.
 */
export const judge = (
  batch: FrameBatch,
  policy: Policy,
  reason: Uint8Array,
  tapReason: Uint8Array
): void => {
  const { bytes, halves, port, size, slotBytes } = batch
  // The batch knows which frames were cut. A policy that allows more must not have them read.
  const frameBytesMax = Math.min(batch.frameBytesMax, policy.frameBytesMax)
  for (let slot = 0; slot < batch.count; slot++) {
    const start = slot * slotBytes
    const frameBytes = size[slot]!
    const fromTap = port[slot] === TAP_PORT
    let verdict = Reception.judge(frameBytes, frameBytesMax)
    if (verdict === Reason.PASS) {
      verdict = Link.judgeAddresses(bytes, halves, start, policy, fromTap)
    }
    if (verdict === Reason.PASS && policy.secure) {
      verdict = Link.judgeType(bytes, halves, start, policy, fromTap)
    }
    if (verdict === Reason.PASS && policy.secure && !fromTap) {
      verdict = judgePacket(bytes, halves, start, frameBytes, policy, port[slot]!)
    }
    reason[slot] = verdict
    tapReason[slot] = verdict === Reason.PASS && !fromTap
      ? TapPolicy.judge(bytes, start, frameBytes, policy)
      : Reason.PASS
  }
}

/** Judges what a guest's frame carries, by its type. L6–L9 leave types that have rules, and those asked for. */
const judgePacket = (
  bytes: Uint8Array,
  halves: Uint16Array,
  start: number,
  size: number,
  policy: Policy,
  port: number
): Reason => {
  const type = u16(bytes, start + 12)
  if (type === EtherType.IPV4) return Ipv4.judge(bytes, start, size, policy, port)
  if (type === EtherType.ARP) return Arp.judge(bytes, halves, start, size, policy)
  return type === EtherType.IPV6 ? Ipv6.judge(bytes, start, size, policy, port) : Reason.PASS
}
