import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import type { HostProcess, HostProcessError } from "../guests/HostProcess.ts"
import { startProcess } from "../guests/HostProcess.ts"

/** Debian's own interpreter, which has Debian's python3-scapy; it leaves no bytecode behind. */
const scapyPython = ["/usr/bin/python3", "-B"]
const script = fileURLToPath(new URL("Attacker.py", import.meta.url))

/** What an attacker tells of an attack that it has ended. */
const Report = Schema.Struct({
  /** Frames of the attack. */
  sent: Schema.Number,
  /** Of these, those that the recording has. */
  recorded: Schema.Number,
  /** Frames for another station alone that the attacker was given. */
  overheard: Schema.Number,
  /** The host's, as it answered to ARP. */
  hostMac: Schema.String
})
export type AttackReport = typeof Report.Type

/** Who an attacker is, and whom it looks for. All addresses are IPv4. */
export interface AttackerRequest {
  readonly socketPath: string
  readonly mac: string
  readonly address: string
  readonly victim: string
  readonly neighbour: string
  readonly host: string
}

/** A process that attacks when it is told to: Attacker.py. */
export interface Attacker {
  /** Connects, looks around and begins; returns when the attack is under way. @param file its recording. */
  readonly attack: (role: string, file: string) => Effect.Effect<void, HostProcessError>
  /** Ends the attack, once a flood has been sent whole; the connection stays open. */
  readonly stop: Effect.Effect<AttackReport, HostProcessError>
  readonly close: Effect.Effect<void, HostProcessError>
  /** Does what is left of stopping and closing, so that the next attack finds nothing of this one. */
  readonly abandon: Effect.Effect<void>
}

const underWayMs = 30_000
const floodMs = 120_000
const closeMs = 5000

/** Starts an attacker that waits; killed when the scope ends. */
export const startAttacker = (request: AttackerRequest): Effect.Effect<Attacker, never, Scope.Scope> =>
  Effect.map(
    startProcess([
      ...scapyPython,
      script,
      request.socketPath,
      request.mac,
      request.address,
      request.victim,
      request.neighbour,
      request.host
    ]),
    (process) => {
      const tell = say(process)
      let phase: "idle" | "attacking" | "stopped" = "idle"
      const enter = (next: typeof phase) => Effect.sync(() => void (phase = next))
      const stop = Effect.zipRight(enter("stopped"), tell("stop", floodMs)).pipe(
        Effect.map(Schema.decodeUnknownSync(Schema.parseJson(Report)))
      )
      const close = Effect.asVoid(Effect.zipRight(enter("idle"), tell("close", closeMs)))
      return {
        attack: (role, file) =>
          Effect.asVoid(Effect.zipRight(enter("attacking"), tell(`attack ${role} ${file}`, underWayMs))),
        stop,
        close,
        abandon: Effect.suspend(() => {
          if (phase === "idle") return Effect.void
          return Effect.ignore(phase === "attacking" ? Effect.zipRight(stop, close) : close)
        })
      }
    }
  )

/** Says a line, and gives the line that is the answer. */
const say = (process: HostProcess) => (line: string, timeoutMs: number): Effect.Effect<string, HostProcessError> =>
  Effect.suspend(() => {
    const from = process.stdout().length
    process.write(`${line}\n`)
    return process.waitUntil(
      `answered: ${line}`,
      () => /^(.*)\n/.exec(process.stdout().slice(from))?.[1],
      timeoutMs
    )
  })
