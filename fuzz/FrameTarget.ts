import { TAP_PORT } from "../src/domain/Bounds.ts"
import * as FrameBatch from "../src/domain/FrameBatch.ts"
import { judge } from "../src/domain/policy/Judge.ts"
import * as Policies from "../src/domain/policy/Policy.ts"
import { REASON_COUNT, reasonNames } from "../src/domain/Reason.ts"
import { concat } from "../test/property/frames.ts"
import { expected } from "../test/property/policyReference.ts"
import { guarded, judgePlaced, placed } from "../test/property/policyWorld.ts"
import { mutateFrame } from "./FrameMutator.ts"
import { frameSeeds } from "./FrameSeeds.ts"
import { FRAME_BYTES_MAX, PORTS, situations } from "./Situations.ts"
import { Finding, type Target } from "./Target.ts"
import { TwinSwitch } from "./TwinSwitch.ts"

/** Octets before the frame: which situation, and the port it comes in on. */
const HEADER_BYTES = 2
/** One more than any may have: that is what a cut frame looks like. */
const INPUT_BYTES_MAX = HEADER_BYTES + FRAME_BYTES_MAX + 1

/** Comparing all that two switches remember costs more than all else: one of so many is. A power of two. */
const TWINS_EVERY = 4

/** The same for what gets through, of which the slow one is asked alone. */
const PASSED_EVERY = 32

const policies = situations.map((settings) => Object.freeze(Policies.make(settings, settings.policy)))

/**
 * The policy over octets and settings.
 *
 * An input is the number of a situation, a port, and the frame. Each is judged twice in one batch, between octets that
 * are the complement of one another, so that a verdict that hangs on what lies behind the frame is two verdicts.
 */
class FrameTarget implements Target {
  readonly inputBytesMax = INPUT_BYTES_MAX
  readonly seeds = frameSeeds.flatMap(({ frame, situations }) =>
    situations.map((situation) => concat(Uint8Array.of(situation, 7), frame))
  )
  readonly #batch = FrameBatch.make(FRAME_BYTES_MAX)
  readonly #slots = Buffer.from(this.#batch.bytes.buffer, 0, 2 * this.#batch.slotBytes)
  readonly #reason = new Uint8Array(2)
  readonly #tapReason = new Uint8Array(2)
  readonly #twins = situations.map((settings) => new TwinSwitch(settings))
  #filler = 0
  #examined = 0
  #passed = 0

  execute(input: Uint8Array, size: number): void {
    const { bytes, port, size: sizes, slotBytes } = this.#batch
    const reason = this.#reason
    const tapReason = this.#tapReason
    const frameBytes = Math.max(0, size - HEADER_BYTES)
    const frame = input.subarray(HEADER_BYTES, HEADER_BYTES + frameBytes)
    this.#filler = (this.#filler + 73) & 255
    bytes.set(frame, 0)
    bytes.set(frame, slotBytes)
    bytes.fill(this.#filler, frameBytes, slotBytes)
    bytes.fill(this.#filler ^ 255, slotBytes + frameBytes, 3 * slotBytes)
    sizes[0] = sizes[1] = frameBytes
    const at = situationOf(input)
    port[0] = port[1] = portOf(input)
    this.#batch.count = 2
    reason[0] = reason[1] = tapReason[0] = tapReason[1] = 255
    judge(this.#batch, policies[at]!, reason, tapReason)
    if (reason[0] !== reason[1] || tapReason[0] !== tapReason[1]) throw new Finding("what lies behind the frame counts")
    if (reason[0]! >= REASON_COUNT || tapReason[0]! >= REASON_COUNT) throw new Finding("no verdict")
    if (reason[0] !== 0 && tapReason[0] !== 0) throw new Finding("denied twice")
    const untouched = this.#slots.compare(frame, 0, frameBytes, 0, frameBytes) === 0 &&
      this.#slots.compare(frame, 0, frameBytes, slotBytes, slotBytes + frameBytes) === 0
    if (!untouched) throw new Finding("judging changed the frame")
    // What gets through is what matters most: the slow one has its say on that more often.
    const through = reason[0] === 0 && port[0] !== TAP_PORT && policies[at]!.secure
    if (through && (this.#passed++ & (PASSED_EVERY - 1)) === 0) compare(frame, port[0]!, at, reason[0]!, tapReason[0]!)
  }

  examine(input: Uint8Array): void {
    const frame = input.subarray(HEADER_BYTES)
    const port = portOf(input)
    const at = situationOf(input)
    const settings = situations[at]!
    const batch = placed(frame, port, settings.frameBytesMax, 0xa5)
    const judged = judgePlaced(guarded(batch, Math.min(frame.length, batch.slotBytes)), policies[at]!)
    compare(frame, port, at, judged.reason, judged.tapReason)
    if ((this.#examined++ & (TWINS_EVERY - 1)) !== 0) return
    try {
      this.#twins[at]!.send(frame, port)
    } catch (cause) {
      // Once they differ they go on differing.
      this.#twins[at] = new TwinSwitch(settings)
      throw cause
    }
  }

  mutate: Target["mutate"] = (input, size, donor, random) => {
    const draw = random.below(64)
    if (draw < 4) input[0] = random.below(situations.length)
    else if (draw < 6) input[1] = random.chance(0.5) ? TAP_PORT : 1 + random.below(16)
    const frame = { input, at: HEADER_BYTES, bytesMax: INPUT_BYTES_MAX - HEADER_BYTES }
    return HEADER_BYTES + mutateFrame(frame, Math.max(0, size - HEADER_BYTES), random, donor)
  }

  shorter(input: Uint8Array): ReadonlyArray<Uint8Array> {
    const frame = input.length - HEADER_BYTES
    const cuts = [frame >> 1, frame >> 2, frame >> 3, 16, 4, 1].filter((by) => by > 0 && by <= frame)
    return cuts.map((by) => input.slice(0, input.length - by))
  }

  describe(input: Uint8Array): string {
    const at = situationOf(input)
    const port = portOf(input)
    const judged = judgePlaced(placed(input.subarray(HEADER_BYTES), port, situations[at]!.frameBytesMax, 0),
      policies[at]!)
    return `situation ${at}, port ${port}, ${input.length - HEADER_BYTES} octets: ` +
      `${reasonNames[judged.reason]}, for the tap ${reasonNames[judged.tapReason]}`
  }
}

/** An index beyond the list is the first, so that a corpus outlives changes of it. */
const situationOf = (input: Uint8Array): number => input[0]! < situations.length ? input[0]! : 0

/** The tap, or a guest's port; never one that there is not. */
const portOf = (input: Uint8Array): number => input[1]! % PORTS

/** The fast one's verdict against the slow one's. */
const compare = (frame: Uint8Array, port: number, at: number, reason: number, tapReason: number): void => {
  const settings = situations[at]!
  const slow = expected(frame, port === TAP_PORT, settings, settings.policy)
  if (reasonNames[reason] === slow.reason && reasonNames[tapReason] === slow.tapReason) return
  throw new Finding(
    `fast says ${reasonNames[reason]} and ${reasonNames[tapReason]} for the tap, ` +
      `slow says ${slow.reason} and ${slow.tapReason}`
  )
}

export const make = (): Target => new FrameTarget()
