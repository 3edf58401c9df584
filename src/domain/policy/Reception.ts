import { Bounds } from "../Bounds.ts"
import { Reason } from "../Reason.ts"

/**
 * Judges a frame's size, in every mode and from every port.
 *
 * @param size octets received. @param frameBytesMax the largest that was not cut.
 */
export const judge = (size: number, frameBytesMax: number): Reason => {
  // R1 RUNT: addresses that are not there would be read from the frame before. IEEE 802.3, 3.2.
  if (size < Bounds.frameBytesMin) return Reason.RUNT

  // R2 OVERSIZE: a frame that was cut says other things than what was sent, and guests receive
  // into 2,048 octets. IEEE 802.3, 3.2.7, with the MTU in place of 1,500.
  if (size > frameBytesMax) return Reason.OVERSIZE

  return Reason.PASS
}
