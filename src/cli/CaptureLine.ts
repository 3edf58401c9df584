import type { CapturedFrame, CaptureReader } from "../domain/capture/CapturedFrame.ts"
import { isFault } from "../domain/capture/CapturedFrame.ts"
import * as Capture from "../domain/capture/Capture.ts"

const types: Readonly<Record<number, string>> = {
  0x0800: "IPv4", 0x0806: "ARP", 0x8035: "RARP", 0x86dd: "IPv6", 0x8100: "VLAN", 0x88a8: "VLAN"
}

const macAt = ({ octets }: CapturedFrame, at: number): string =>
  octets.length < at + 6 ? "?" : Array.from(octets.subarray(at, at + 6), (octet) => octet.toString(16).padStart(2, "0"))
    .join(":")

const typeOf = ({ octets }: CapturedFrame): string => {
  if (octets.length < 14) return "cut"
  const type = (octets[12]! << 8) | octets[13]!
  return types[type] ?? `0x${type.toString(16).padStart(4, "0")}`
}

/** The time of day where the reader is, to the microsecond, as tcpdump(8) has it. */
const timeOf = ({ timeNs }: CapturedFrame): string => {
  const date = new Date(Number(timeNs / 1_000_000n))
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0"))
  return `${clock.join(":")}.${String(timeNs / 1000n % 1_000_000n).padStart(6, "0")}`
}

/** `12:00:01.000250 port2 in 52:54:00:00:00:0b > ff:ff:ff:ff:ff:ff ARP 60 denied: ...`; without an end of line. */
export const lineOf = (frame: CapturedFrame, { interfaces }: CaptureReader): string => {
  const { comment, direction, interfaceIndex, originalBytes } = frame
  const port = interfaces[interfaceIndex]?.name ?? "?"
  const way = direction === "outbound" ? "out" : "in"
  return [timeOf(frame), port, way, macAt(frame, 6), ">", macAt(frame, 0), typeOf(frame), originalBytes, comment ?? ""]
    .join(" ")
}

/** Turns blocks of a capture, whole ones, into lines. */
export const linesOf = (): (blocks: Uint8Array) => string => {
  let octets: Uint8Array = new Uint8Array(0)
  let reader: CaptureReader | undefined
  const read = (count: number): Uint8Array => {
    const part = octets.subarray(0, count)
    octets = octets.subarray(part.length)
    return part
  }
  return (blocks) => {
    octets = blocks
    if (blocks.length === 0) return ""
    const opened = reader ?? Capture.open({ read })
    if (isFault(opened)) return ""
    reader = opened
    let text = ""
    for (let next = reader.next(); next !== undefined && !isFault(next); next = reader.next()) {
      text += `${lineOf(next, reader)}\n`
    }
    return text
  }
}
