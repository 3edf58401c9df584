import type { SeededRandom } from "../src/adapters/sim/SeededRandom.ts"
import { mutateEvents } from "./EventMutator.ts"
import { policies } from "./Policies.ts"
import { type Recipe, STATIONS } from "./SequenceFrames.ts"
import { SequenceWorld } from "./SequenceWorld.ts"
import type { Target } from "./Target.ts"

/** An event: which, and three operands. */
const EVENT_BYTES = 4
/** Octets before the events, as long as one: how the world is made. */
const HEADER_BYTES = EVENT_BYTES
const EVENTS_MAX = 160

/** Guests that do as they like, and uids among them. */
const GUESTS = 7
const UIDS = 4

type Event = (world: SequenceWorld, a: number, b: number, c: number) => void

/** Who sends what: the guest's own station more often than another's; 7 of 8 frames honest. */
const recipe = (guest: number, b: number, c: number): Recipe => ({
  kind: b & 15,
  from: c >= 240 ? (c & 15) % STATIONS : 1 + (guest % GUESTS),
  to: (b >> 4) >= 12 ? 255 : b >> 4,
  variation: c >= 32 ? 0 : c
})

const numberOf = (a: number): number => a % GUESTS

const FAULTS: ReadonlyArray<(world: SequenceWorld, after: number, times: number) => void> = [
  ({ kernel }, after, times) => kernel.faults.failNext("socket-send", "EAGAIN", { after, times }),
  ({ kernel }, after, times) => kernel.faults.failNext("socket-send", "ENOBUFS", { after, times }),
  ({ kernel }, after, times) => kernel.faults.failNext("socket-send", "EMSGSIZE", { after, times }),
  ({ kernel }, after, times) => kernel.faults.failNext("tap-write", "EIO", { after, times }),
  ({ kernel }, after, times) => kernel.faults.failNext("tap-write", "EAGAIN", { after, times }),
  ({ kernel }, after, times) => kernel.faults.failNext("tap-write", "ENOBUFS", { after, times }),
  ({ kernel }, after) => kernel.faults.failNext("tap-write", "GONE", { after }),
  ({ kernel }, after) => kernel.faults.failNext("tap-read", "EIO", { after }),
  ({ kernel }, after, times) => kernel.faults.failNext("tap-read", "CUT", { after, times }),
  ({ kernel }, after) => kernel.faults.failNext("tap-read", "GONE", { after }),
  ({ kernel }, after, times) => kernel.faults.failNext("socket-receive", "CUT", { after, times }),
  ({ kernel }, after, times) => kernel.faults.failNext("accept", "EMFILE", { after, times }),
  ({ kernel }, after, times) => kernel.faults.failNext("accept", "ECONNABORTED", { after, times }),
  ({ kernel }, _, times) => kernel.faults.rate("socket-send", "EAGAIN", times / 10),
  ({ kernel }) => kernel.faults.clear()
]

/** What becomes of the tap. */
const TAP: ReadonlyArray<(world: SequenceWorld, up: number) => void> = [
  (world, up) => world.setTapUp((up & 1) === 1),
  (world) => world.vanishTap(),
  (world) => world.detachTap(),
  (world) => world.attachTap(),
  (world) => world.readTap()
]

const EVENTS: ReadonlyArray<Event> = [
  (world, a, b) => world.connect(numberOf(a), b % UIDS, b >= 208),
  (world, a, b, c) => world.send(numberOf(a), recipe(numberOf(a), b, c)),
  (world, a, b, c) => {
    for (let i = 0; i <= (c & 63); i++) {
      world.send(numberOf(a), recipe(numberOf(a), b, c & 128 ? 240 + (i & 15) : 255 - c))
    }
  },
  (world, a) => world.leave(numberOf(a)),
  (world, a) => world.guests.get(numberOf(a))?.finish(),
  (world, a, b) => world.read(numberOf(a), b),
  (world, a) => world.read(numberOf(a), Infinity),
  (world, a) => world.pass(1 + (a & 15)),
  (world) => world.settle(),
  (world, a, b, c) => world.inject(recipe(a, b, c >= 128 ? 240 : c)),
  (world, a, b, c) => FAULTS[a % FAULTS.length]!(world, b & 15, 1 + (c & 7)),
  (world, a, b) => TAP[a % TAP.length]!(world, b),
  (world) => world.ping(),
  (world, a, b, c) => world.send(numberOf(a), recipe(numberOf(a), b, c), 1 + (a >> 5)),
  (world, a) => world.guests.get(numberOf(a))?.askSendBuffer(2048 << (a >> 6)),
  (world, a) => world.passSeconds(60 * (1 + (a & 7))),
  (world) => world.exchange.wake(),
  // A flood of invented sources.
  (world, a, b, c) => {
    for (let i = 0; i <= (c & 31); i++) {
      world.send(numberOf(a), { ...recipe(numberOf(a), b, 255), variation: 1 + 8 * (c + i) })
    }
  },
  (world, a) => world.configure(a),
  // A guest asks for an address and the host gives it one.
  (world, a, b) => {
    const station = 1 + numberOf(a)
    world.send(numberOf(a), { kind: 7, from: station, to: 0, variation: 0 })
    world.settle()
    world.inject({ kind: 10, from: 0, to: 1 + (b % GUESTS), variation: 0 })
    world.inject({ kind: 10, from: 0, to: station, variation: 0 })
  },
  (world, a, b, c) => world.capture(a, b, c),
  (world) => world.readCapture()
]

/** Kinds that are drawn for a new event, the common ones more often. */
const DRAWN = [0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 12, 12, 13, 14, 15, 16, 17,
  18, 19, 19, 20, 20, 21]

const worldOf = (input: Uint8Array): SequenceWorld => {
  const [flags = 0, ports = 0, seed = 0, policy = 0] = input
  return new SequenceWorld({
    secure: (flags & 1) === 0,
    hasTap: (flags & 2) === 0,
    smallBuffers: (flags & 4) === 0,
    guestPorts: 4 + (ports % 8),
    seed,
    policy
  })
}

/** A sequence to begin with, written as people write it. */
const sequence = (flags: number, ...events: ReadonlyArray<ReadonlyArray<number>>): Uint8Array => {
  const input = new Uint8Array(HEADER_BYTES + events.length * EVENT_BYTES)
  input.set([flags & 7, 7, 1, flags >> 3])
  events.forEach((event, i) => input.set(event, HEADER_BYTES + i * EVENT_BYTES))
  return input
}

/** Two guests that talk, one that does not read and is flooded, and the host; with every kind of event once. */
const conversation = (flags: number): Uint8Array =>
  sequence(
    flags,
    ...[[0, 0, 1], [0, 1, 2], [0, 2, 3], [8], [1, 0, 0xf2, 40], [1, 1, 0xf2, 40], [1, 2, 0xf2, 40], [8]],
    ...[[1, 0, 0x25, 40], [8], [6, 1], [1, 1, 0x11, 40], [8], [2, 0, 0x31, 20], [8], [2, 0, 0x31, 20], [8]],
    ...[[7, 4], [5, 2, 3], [8], [7, 12], [12], [1, 0, 0x04, 40], [9, 1, 0x10, 128], [8], [11, 4], [10, 0, 1, 2]],
    ...[[2, 1, 0x31, 9], [8], [13, 33, 0x21, 40], [14, 2], [16], [17, 2, 0x10, 31], [8], [12], [19, 0, 0], [8]],
    ...[[1, 0, 11, 40], [8], [18, 2], [8], [4, 1], [8], [3, 2], [8], [15, 6], [12], [11, 1], [8], [11, 3], [8], [12]]
  )

const seeds: ReadonlyArray<Uint8Array> = [
  ...[0, 1, 2, 3, 4, 5].map(conversation),
  // One policy each.
  ...policies.map((_, policy) => conversation(8 * policy)),
  // A trunk with many stations beside guests, while somebody captures; it goes and a guest has what was its.
  ...[0, 6, policies.length - 1].map((policy) =>
    sequence(
      8 * policy,
      ...[[0, 0, 1], [0, 1, 0xd2], [8], [20, 1, 7, 5], [20, 2, 7, 5], [1, 0, 0xf2, 40], [1, 1, 0xf2, 40], [8]],
      ...[[17, 1, 0x00, 31], [8], [17, 1, 0x10, 64], [8], [21], [1, 1, 0x25, 250], [1, 1, 0xf1, 243], [8], [21]],
      ...[[20, 2, 3, 6], [2, 0, 0x31, 40], [8], [21], [3, 1], [8], [1, 0, 0xf2, 250], [8], [18, 3], [20, 1, 0, 0], [12]]
    )
  ),
  // Two floods at one that does not read, until it is congested; then it reads.
  sequence(
    1,
    ...[[0, 0, 1], [0, 1, 2], [0, 2, 3], [8], [1, 2, 0xf0, 40], [8], [2, 0, 0x31, 40], [8], [2, 1, 0x31, 40], [8]],
    ...[[2, 0, 0x31, 40], [8], [7, 1], [7, 14], [2, 0, 0x31, 40], [8], [12], [6, 2], [8], [7, 3], [2, 0, 0x31, 40]],
    ...[[8], [3, 0], [8], [7, 14], [12]]
  ),
  // One fault of each kind.
  ...FAULTS.map((_, fault) =>
    sequence(
      fault & 1,
      ...[[0, 0, 1], [0, 1, 2], [8], [1, 1, 0xf0, 40], [1, 0, 0xf0, 40], [8], [10, fault, 1, 3], [2, 0, 0x20, 9]],
      ...[[2, 0, 0x05, 9], [9, 1, 0x10, 128], [9, 1, 0xf0, 128], [0, 2, 3], [8], [7, 3], [6, 1], [8], [12]]
    )
  )
]

class SequenceTarget implements Target {
  readonly inputBytesMax = HEADER_BYTES + EVENTS_MAX * EVENT_BYTES
  readonly seeds = seeds

  execute(input: Uint8Array, size: number): void {
    const world = worldOf(input)
    for (let at = HEADER_BYTES; at + EVENT_BYTES <= size; at += EVENT_BYTES) {
      EVENTS[input[at]! % EVENTS.length]!(world, input[at + 1]!, input[at + 2]!, input[at + 3]!)
    }
    world.ping()
    world.end()
  }

  /** All that is promised has been looked at. */
  examine(): void {}

  mutate(input: Uint8Array, size: number, donor: Uint8Array, random: SeededRandom): number {
    const events = { input, eventBytes: EVENT_BYTES, bytesMax: this.inputBytesMax, kinds: DRAWN }
    return mutateEvents(events, size, donor, random)
  }

  shorter(input: Uint8Array): ReadonlyArray<Uint8Array> {
    const events = (input.length - HEADER_BYTES) / EVENT_BYTES
    const cuts = [events >> 1, events >> 2, 1].filter((by) => by > 0 && by <= events)
    return cuts.map((by) => input.slice(0, input.length - by * EVENT_BYTES))
  }

  describe(input: Uint8Array): string {
    return `${(input.length - HEADER_BYTES) / EVENT_BYTES} events`
  }
}

export const make = (): Target => new SequenceTarget()
