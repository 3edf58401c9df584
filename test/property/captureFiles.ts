/** Captures that tests write by themselves, octet by octet. */
import type { OctetSource } from "../../src/domain/capture/CapturedFrame.ts"
import { type CapturedFrame, type CaptureFault, isFault } from "../../src/domain/capture/CapturedFrame.ts"
import * as Capture from "../../src/domain/capture/Capture.ts"
import { concat } from "./frames.ts"

/** A source of octets; tells the most that was asked for at once. */
export const sourceOf = (octets: Uint8Array): OctetSource & { readonly most: () => number } => {
  let at = 0
  let most = 0
  return {
    read: (count) => {
      most = Math.max(most, count)
      const part = octets.slice(at, at + count)
      at += part.length
      return part
    },
    most: () => most
  }
}

export interface Read {
  readonly frames: ReadonlyArray<CapturedFrame>
  readonly names: ReadonlyArray<string | undefined>
  readonly fault: CaptureFault | undefined
}

/** Reads a capture to its end or its fault. */
export const readAll = (octets: Uint8Array, source = sourceOf(octets)): Read => {
  const reader = Capture.open(source)
  if (isFault(reader)) return { frames: [], names: [], fault: reader }
  const frames: Array<CapturedFrame> = []
  for (;;) {
    const next = reader.next()
    if (next === undefined || isFault(next)) {
      return { frames, names: reader.interfaces.map(({ name }) => name), fault: next }
    }
    frames.push(next)
  }
}

/** Integers in one order of octets. */
export const integers = (little: boolean) => ({
  u16: (value: number): Uint8Array => {
    const octets = new Uint8Array(2)
    new DataView(octets.buffer).setUint16(0, value, little)
    return octets
  },
  u32: (value: number): Uint8Array => {
    const octets = new Uint8Array(4)
    new DataView(octets.buffer).setUint32(0, value, little)
    return octets
  },
  u64: (value: bigint): Uint8Array => {
    const octets = new Uint8Array(8)
    new DataView(octets.buffer).setBigInt64(0, value, little)
    return octets
  }
})

export interface Stamped {
  /** Seconds and the fraction in the file's unit. */
  readonly time: readonly [number, number]
  readonly octets: Uint8Array
  readonly originalBytes?: number
}

/** A classic capture. */
export const pcap = (
  frames: ReadonlyArray<Stamped>,
  { link = 1, little = true, nanoseconds = false }: {
    readonly little?: boolean
    readonly nanoseconds?: boolean
    readonly link?: number
  } = {}
): Uint8Array => {
  const { u16, u32 } = integers(little)
  return concat(
    u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4),
    ...[u16(2), u16(4), u32(0), u32(0), u32(262_144), u32(link)],
    ...frames.flatMap(({ octets, originalBytes, time: [seconds, fraction] }) => [
      ...[u32(seconds), u32(fraction), u32(octets.length), u32(originalBytes ?? octets.length)],
      octets
    ])
  )
}

const filled = (octets: Uint8Array): Uint8Array => concat(octets, new Uint8Array(-octets.length & 3))

/** Blocks of pcapng in one order of octets. */
export const pcapng = (little: boolean) => {
  const { u16, u32, u64 } = integers(little)
  const block = (type: number, ...body: ReadonlyArray<Uint8Array>): Uint8Array => {
    const whole = filled(concat(...body))
    return concat(u32(type), u32(whole.length + 12), whole, u32(whole.length + 12))
  }
  const option = (code: number, content: Uint8Array): Uint8Array =>
    concat(u16(code), u16(content.length), filled(content))
  const end = u32(0)
  return {
    block,
    option,
    section: (...options: ReadonlyArray<Uint8Array>) =>
      block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), u64(-1n), ...options),
    interface: (link = 1, snapBytes = 0, ...options: ReadonlyArray<Uint8Array>) =>
      block(1, u16(link), u16(0), u32(snapBytes), ...options, ...(options.length === 0 ? [] : [end])),
    enhanced: (id: number, ticks: bigint, octets: Uint8Array, ...options: ReadonlyArray<Uint8Array>) =>
      block(
        6,
        ...[u32(id), u32(Number(ticks >> 32n)), u32(Number(ticks & 0xffffffffn))],
        ...[u32(octets.length), u32(octets.length)],
        filled(octets),
        ...options,
        ...(options.length === 0 ? [] : [end])
      ),
    old: (id: number, ticks: bigint, octets: Uint8Array) =>
      block(
        2,
        ...[u16(id), u16(0), u32(Number(ticks >> 32n)), u32(Number(ticks & 0xffffffffn))],
        ...[u32(octets.length), u32(octets.length), octets]
      ),
    simple: (original: number, octets: Uint8Array) => block(3, u32(original), octets)
  }
}
