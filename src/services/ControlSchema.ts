import * as Schema from "effect/Schema"
import { portActions } from "./ControlWords.ts"

/*
 * What can be asked of a running switch, and what it answers: one description for the server, for the commands, and for
 * what `--json` prints. Fields stand in the order in which tables show them.
 *
 * Counts are since the port's guest came, or since the switch started. `null` is what is not known: no such thing
 * here, or the forwarding thread did not answer in time, which `answered` tells.
 */

const Count = Schema.Number
const Unknown = Schema.NullOr

/** The switch as a whole. */
export const Status = Schema.Struct({
  version: Schema.String,
  pid: Schema.Number,
  /** ISO 8601. */
  started: Schema.String,
  mode: Schema.Literal("secure", "bridge"),
  /** The host's address and the guests' subnet. */
  address: Unknown(Schema.String),
  socket: Schema.String,
  /** Where trunks connect to. */
  trunkSocket: Unknown(Schema.String),
  /** Name of the interface. */
  tap: Unknown(Schema.String),
  tapState: Schema.Literal("none", "up", "lost"),
  guests: Count,
  guestsMax: Count,
  /** Of the guests that are there. */
  trunks: Count,
  /** Known now, over all ports. */
  stations: Unknown(Count),
  stationAgeSeconds: Count,
  logLevel: Schema.String,
  receivedFrames: Count,
  receivedBytes: Count,
  sentFrames: Count,
  sentBytes: Count,
  deniedFrames: Count,
  droppedFrames: Count,
  refusedConnections: Count,
  /** False: the forwarding thread did not answer in time; what only it knows is null. */
  answered: Schema.Boolean
})
export type Status = typeof Status.Type

/** Frames, or copies of them, that were lost under one reason. */
export const ReasonCount = Schema.Struct({ reason: Schema.String, frames: Count })

/** One open port, and who holds its other end. */
export const Port = Schema.Struct({
  port: Schema.Number,
  kind: Schema.Literal("tap", "guest", "trunk"),
  uid: Unknown(Schema.Number),
  user: Unknown(Schema.String),
  /** Null where the kernel does not tell. */
  pid: Unknown(Schema.Number),
  /** Null if that process has ended. */
  command: Unknown(Schema.String),
  /** When that process began; ISO 8601. */
  started: Unknown(Schema.String),
  /** Since it connected. */
  ageSeconds: Count,
  stations: Unknown(Count),
  receivedFrames: Count,
  receivedBytes: Count,
  sentFrames: Count,
  sentBytes: Count,
  /** Of what it sent. */
  deniedFrames: Count,
  /** Of what was to be sent to it. */
  droppedFrames: Count,
  flags: Unknown(Schema.Array(Schema.Literal("isolated", "pinned"))),
  /** Why, for both of the above; only what is not zero. */
  reasons: Schema.Array(ReasonCount)
})
export type Port = typeof Port.Type

export const Ports = Schema.Struct({ answered: Schema.Boolean, ports: Schema.Array(Port) })
export type Ports = typeof Ports.Type

/** One address that has been seen. */
export const Station = Schema.Struct({
  port: Schema.Number,
  address: Schema.String,
  ageSeconds: Count,
  /** It neither ages nor moves: its port has been pinned. */
  static: Schema.Boolean
})
export type Station = typeof Station.Type

export const Stations = Schema.Struct({ stations: Schema.Array(Station) })
export type Stations = typeof Stations.Type

/** What one port lost under one reason. */
export const Drop = Schema.Struct({
  /** Null: the sum of all ports that have closed. */
  port: Unknown(Schema.Number),
  /** `denied` was sent by the port's guest, `dropped` was to be sent to it. */
  stage: Schema.Literal("denied", "dropped"),
  reason: Schema.String,
  frames: Count
})
export type Drop = typeof Drop.Type

/** Connections that were refused. */
export const Refusals = Schema.Struct({ reason: Schema.String, connections: Count })
export type Refusals = typeof Refusals.Type

export const Drops = Schema.Struct({ drops: Schema.Array(Drop), refusals: Schema.Array(Refusals) })
export type Drops = typeof Drops.Type

/** A station that was known behind one port and then sent from another. */
export const Move = Schema.Struct({
  address: Schema.String,
  from: Schema.Number,
  to: Schema.Number,
  /** When last; ISO 8601, whole seconds. */
  time: Schema.String,
  count: Count
})
export type Move = typeof Move.Type

export const Moves = Schema.Struct({ total: Count, moves: Schema.Array(Move) })
export type Moves = typeof Moves.Type

/** One line of what `watch` sends, until the reader goes. */
export const Sample = Schema.Struct({
  /** Of a clock that does not run backwards. */
  timeMs: Schema.Number,
  answered: Schema.Boolean,
  ports: Schema.Array(Port)
})
export type Sample = typeof Sample.Type

export const PortAction = Schema.Literal(...portActions)
export type PortAction = typeof PortAction.Type

/** What has been done to a port. */
export const PortChange = Schema.Struct({
  port: Schema.Number,
  action: PortAction,
  /** Stations that became static or ordinary. */
  stations: Count
})
export type PortChange = typeof PortChange.Type

export const Setting = Schema.Struct({ key: Schema.String, value: Schema.String })
export type Setting = typeof Setting.Type

/** Milliseconds between two samples of `watch`. */
export const watchIntervalMs = { least: 100, most: 10_000, usual: 1000 } as const

const whole = (least: number, most: number) =>
  Schema.optional(Schema.NumberFromString.pipe(Schema.int(), Schema.between(least, most)))

/** Octets of a frame that a capture keeps unless told: all, as tcpdump(8) has it. */
export const snapBytesMax = 262_144

/** What a capture is to be of; in a query string. */
export const CaptureQuestion = Schema.Struct({
  port: whole(0, 65_535),
  /** Only what is denied. */
  denied: Schema.optional(Schema.Literal("yes")),
  filter: Schema.optional(Schema.String),
  /** Frames after which it ends. */
  count: whole(1, Number.MAX_SAFE_INTEGER),
  /** Octets of each frame. */
  snap: whole(1, snapBytesMax)
})
export type CaptureQuestion = typeof CaptureQuestion.Type

/** Header of the answer: the number by which the capture is ended. */
export const captureHeader = "capture-id"

export const CaptureEnd = Schema.Struct({ capture: Schema.Number })
