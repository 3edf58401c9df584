import * as Effect from "effect/Effect"
import * as v8 from "node:v8"
import {
  ChannelClosed, ChannelGarbled, ChannelSilent, type HandoverChannel, type Message, messageKinds
} from "../../services/HandoverChannel.ts"
import type { Binding } from "./Binding.ts"

/*
 * A message on the wire: four 32-bit integers, little-endian: the mark, the kind's number, the octets of the body, and
 * how many descriptors come along with the first of them; then the body, as `v8.serialize` writes it.
 */

const headerBytes = 16
/** "VKHO" */
const mark = 0x4f484b56
/** More than any switch has to tell: 16,384 guests with all their stations are 20 MB. */
const bodyBytesMax = 256 << 20

/** Native calls wait so long at most, so that signals and messages of other threads are heard in between. */
const sliceMs = 10

/** Lets everything else that waits have its turn. */
const breathe = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** @param fd of a connected stream socket, ours to close. */
export const make = (addon: Binding, fd: number): HandoverChannel => {
  const tryAgain = new Set(["EAGAIN", "EWOULDBLOCK"])
  const isWaiting = (result: number) => result < 0 && tryAgain.has(addon.errnoName(-result))

  const send: HandoverChannel["send"] = (kind, { body, descriptors = [] } = {}) =>
    Effect.gen(function*() {
      const octets = encode(kind, body, descriptors.length)
      for (let sent = 0; sent < octets.length;) {
        const result = addon.handoverSend(fd, octets.subarray(sent), sent === 0 ? descriptors : [], sliceMs)
        if (result >= 0) sent += result
        else if (!isWaiting(result)) return yield* new ChannelClosed()
        else yield* breathe
      }
    })

  // What has come of a message stays here while the rest is waited for.
  let buffer = new Uint8Array(headerBytes)
  let filled = 0
  let descriptors: Array<number> = []

  /** Reads on until the buffer is full. */
  const fill = (deadlineMs: number) =>
    Effect.gen(function*() {
      while (filled < buffer.length) {
        const result = addon.handoverReceive(fd, buffer.subarray(filled), sliceMs)
        if (typeof result !== "number") {
          if (result.size === 0) return yield* new ChannelClosed()
          filled += result.size
          descriptors.push(...result.descriptors)
        } else if (isWaiting(result)) {
          if (performance.now() >= deadlineMs) return yield* new ChannelSilent()
          yield* breathe
        } else if (addon.errnoName(-result) === "EMFILE") {
          const detail = "there are more connections than this process may have (raise its limit: ulimit -n)"
          return yield* new ChannelGarbled({ detail })
        } else return yield* new ChannelClosed()
      }
    })

  const receive: HandoverChannel["receive"] = (timeoutMs) =>
    Effect.gen(function*() {
      const deadlineMs = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs
      yield* fill(deadlineMs)
      const header = new DataView(buffer.buffer)
      const kind = messageKinds[header.getUint32(4, true)]
      const size = header.getUint32(8, true)
      const expected = header.getUint32(12, true)
      if (header.getUint32(0, true) !== mark || kind === undefined || size > bodyBytesMax) return yield* garbled()
      if (buffer.length < headerBytes + size) {
        const grown = new Uint8Array(headerBytes + size)
        grown.set(buffer)
        buffer = grown
      }
      yield* fill(deadlineMs)
      const message = decode(kind, buffer.subarray(headerBytes), descriptors)
      if (message === undefined || descriptors.length !== expected) return yield* garbled()
      buffer = new Uint8Array(headerBytes)
      filled = 0
      descriptors = []
      return message
    })

  return { send, receive, close: Effect.sync(() => addon.closeFd(fd)) }
}

const garbled = () => new ChannelGarbled({ detail: "what it says is not understood (stop one, start the other)" })

const encode = (kind: Message["kind"], body: unknown, descriptors: number): Uint8Array => {
  const written = body === undefined ? new Uint8Array(0) : v8.serialize(body)
  const octets = new Uint8Array(headerBytes + written.length)
  const header = new DataView(octets.buffer)
  header.setUint32(0, mark, true)
  header.setUint32(4, messageKinds.indexOf(kind), true)
  header.setUint32(8, written.length, true)
  header.setUint32(12, descriptors, true)
  octets.set(written, headerBytes)
  return octets
}

const decode = (
  kind: Message["kind"],
  body: Uint8Array,
  descriptors: ReadonlyArray<number>
): Message | undefined => {
  try {
    return { kind, body: body.length === 0 ? undefined : v8.deserialize(body), descriptors }
  } catch {
    return undefined
  }
}
