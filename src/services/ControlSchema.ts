import * as Schema from "effect/Schema"
import { Bounds } from "../domain/Bounds.ts"
import * as Answers from "./ControlAnswers.ts"
import { schemaOf } from "./ShapeSchema.ts"

// What can be asked of a running switch, and its answers (ControlAnswers.ts), as the server has them.

export const Status = schemaOf(Answers.status)
export const Port = schemaOf(Answers.port)
export const Ports = schemaOf(Answers.ports)
export const Station = schemaOf(Answers.station)
export const Stations = schemaOf(Answers.stations)
export const Drop = schemaOf(Answers.drop)
export const Drops = schemaOf(Answers.drops)
export const Move = schemaOf(Answers.move)
export const Moves = schemaOf(Answers.moves)
export const Sample = schemaOf(Answers.sample)
export const PortAction = schemaOf(Answers.portAction)
export const PortChange = schemaOf(Answers.portChange)
export const Setting = schemaOf(Answers.setting)
export const CaptureEnd = schemaOf(Answers.captureEnd)

/** Milliseconds between two samples of `watch`. */
export const watchIntervalMs = { least: 100, most: 10_000, usual: 1000 } as const

const whole = (least: number, most: number) =>
  Schema.optional(Schema.NumberFromString.pipe(Schema.int(), Schema.between(least, most)))

/** What a capture is to be of; in a query string. */
export const CaptureQuestion = Schema.Struct({
  port: whole(0, 65_535),
  /** Only what is denied. */
  denied: Schema.optional(Schema.Literal("yes")),
  filter: Schema.optional(Schema.String),
  /** Frames after which it ends. */
  count: whole(1, Number.MAX_SAFE_INTEGER),
  /** Octets of each frame. */
  snap: whole(1, Bounds.captureSnapBytesMax)
})
export type CaptureQuestion = typeof CaptureQuestion.Type
