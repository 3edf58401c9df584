import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Guest, GuestError } from "../guests/Guest.ts"
import type { HostProcessError } from "../guests/HostProcess.ts"
import type { Netns } from "../guests/Netns.ts"
import { transferPort } from "./Transfers.ts"

/** Sees what arrives at one interface, transfers apart. */
export interface Witness {
  readonly name: string
  /** Waits until a frame with this text has arrived, and so all that were sent before. */
  readonly waitFor: (text: string) => Effect.Effect<void, GuestError | HostProcessError>
  /** How many frames with this text have arrived, since the start or the last `forget`. */
  readonly count: (text: string) => Effect.Effect<number, GuestError | HostProcessError>
  readonly forget: Effect.Effect<void, GuestError | HostProcessError>
}

/** Frames as text, one after the other, whatever is in them. Transfers are too much to look at. */
const tcpdump = (interfaceName: string): ReadonlyArray<string> => [
  "tcpdump",
  "--immediate-mode",
  "-l",
  "-n",
  "-A",
  "-Z",
  "root",
  "-i",
  interfaceName,
  `not tcp port ${transferPort}`
]

const arrivalMs = 10_000

/** Listens in a guest that was booted with a listening initramfs. */
export const witnessInGuest = (guest: Guest): Effect.Effect<Witness, GuestError> =>
  Effect.gen(function*() {
    const words = tcpdump(guest.interfaceName).map((word) => `'${word}'`).join(" ")
    yield* guest.succeed(`${words} >>/tmp/heard 2>/tmp/tcpdump &`)
    yield* guest.succeed(
      "for i in $(seq 100); do grep -q listening /tmp/tcpdump && exit; sleep 0.1; done; cat /tmp/tcpdump; false"
    )
    return {
      name: guest.name,
      waitFor: (text) =>
        Effect.asVoid(
          guest.succeed(`for i in $(seq 100); do grep -qF ${text} /tmp/heard && exit; sleep 0.1; done; false`)
        ),
      count: (text) =>
        Effect.map(guest.succeed(`grep -oF ${text} /tmp/heard | wc -l`), (lines) => Number(lines.trim())),
      forget: Effect.asVoid(guest.succeed(": >/tmp/heard"))
    }
  })

/** Listens at the host's tap. */
export const witnessAtTap = (
  host: Netns,
  interfaceName: string
): Effect.Effect<Witness, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const capture = yield* host.start(tcpdump(interfaceName))
    let forgotten = 0
    const heard = () => capture.stdout().slice(forgotten)
    yield* capture.waitUntil("listening", () => capture.stderr().includes("listening") || undefined, 10_000)
    return {
      name: "the host",
      waitFor: (text) =>
        Effect.asVoid(capture.waitUntil(`hearing ${text}`, () => heard().includes(text) || undefined, arrivalMs)),
      count: (text) => Effect.sync(() => heard().split(text).length - 1),
      forget: Effect.sync(() => void (forgotten = capture.stdout().length))
    }
  })
