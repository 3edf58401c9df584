import type { SeededRandom } from "../src/adapters/sim/SeededRandom.ts"

/** A string of events of equal size, behind a header as long as one. */
export interface Events {
  readonly input: Uint8Array
  readonly eventBytes: number
  readonly bytesMax: number
  /** Kinds that are drawn for a new event, common ones more often; any when there are none. */
  readonly kinds: ReadonlyArray<number>
}

const eventAt = ({ eventBytes }: Events, size: number, random: SeededRandom): number =>
  eventBytes + random.below(Math.floor((size - eventBytes) / eventBytes) + 1) * eventBytes

type Change = (events: Events, size: number, at: number, donor: Uint8Array, random: SeededRandom) => number

const header: Change = ({ eventBytes, input }, size, _at, _donor, random) => {
  input[random.below(eventBytes)] = random.below(256)
  return size
}

const insert: Change = ({ bytesMax, eventBytes, input, kinds }, size, at, _donor, random) => {
  if (size + eventBytes > bytesMax) return size
  input.copyWithin(at + eventBytes, at, size)
  for (let i = 0; i < eventBytes; i++) input[at + i] = random.below(256)
  if (kinds.length > 0) input[at] = kinds[random.below(kinds.length)]!
  return size + eventBytes
}

const remove: Change = ({ eventBytes, input }, size, at, _donor, random) => {
  const end = Math.min(size, at + eventBytes * (1 + random.below(4)))
  input.copyWithin(at, end, size)
  return size - (end - at)
}

const operand: Change = ({ eventBytes, input }, size, at, _donor, random) => {
  if (at < size) input[at + random.below(eventBytes)] = random.below(256)
  return size
}

/** A run of another input's events, before what follows. */
const splice: Change = (events, size, at, donor, random) => {
  const { bytesMax, eventBytes, input } = events
  const whole = donor.length - (donor.length % eventBytes)
  const from = eventAt(events, whole, random)
  const run = donor.subarray(from, Math.min(whole, from + eventBytes * (1 + random.below(16))))
  if (size + run.length > bytesMax) return size
  input.copyWithin(at + run.length, at, size)
  input.set(run, at)
  return size + run.length
}

/** The rest of another input's events, in place of one's own. */
const cross: Change = (events, _size, at, donor, random) => {
  const { bytesMax, eventBytes, input } = events
  const whole = donor.length - (donor.length % eventBytes)
  const rest = donor.subarray(eventAt(events, whole, random), whole).subarray(0, bytesMax - at)
  input.set(rest, at)
  return at + rest.length
}

const CHANGES = [header, insert, insert, insert, insert, remove, remove, operand, operand, operand, operand,
  splice, splice, cross]

/** Changes `events.input[0 .. size)` one to four times; returns the new size. */
export const mutateEvents = (events: Events, size: number, donor: Uint8Array, random: SeededRandom): number => {
  let now = Math.max(events.eventBytes, size - (size % events.eventBytes))
  for (let i = 1 + random.below(4); i > 0; i--) {
    const at = eventAt(events, now, random)
    now = CHANGES[random.below(CHANGES.length)]!(events, now, at, donor, random)
  }
  return now
}
