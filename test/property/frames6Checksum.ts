import * as Frames from "./frames.ts"

/** The same frame of ICMPv6, right behind the IPv6 header, with its checksum made right (RFC 8200, 8.1). */
export const summed6 = (frame: Uint8Array): Uint8Array => {
  const octets = frame.slice()
  const size = (octets[18]! << 8) | octets[19]!
  octets.set([0, 0], 56)
  const pseudo = Uint8Array.of(...octets.slice(22, 54), 0, 0, octets[18]!, octets[19]!, 0, 0, 0, 58)
  const sum = Frames.checksum(Frames.concat(pseudo, octets.slice(54, 54 + size)))
  octets.set([sum >>> 8, sum & 255], 56)
  return octets
}
