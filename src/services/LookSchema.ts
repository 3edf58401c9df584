import * as Schema from "effect/Schema"
import * as Control from "./ControlSchema.ts"

/*
 * What the page is told beside the answers of the control channel, and in their terms: see ControlSchema.
 */

/** What one port lost under one reason, and when last. */
export const Denial = Schema.Struct({
  /** Null: of ports that had come and gone before anybody could see whose it was. */
  port: Schema.NullOr(Schema.Number),
  /** False: that guest has gone. */
  open: Schema.Boolean,
  stage: Schema.Literal("denied", "dropped"),
  reason: Schema.String,
  /** What was wrong with the frames. */
  words: Schema.String,
  /** The attack that it means. */
  attack: Schema.String,
  frames: Schema.Number,
  framesPerSecond: Schema.Number,
  /** Since it was last seen to go up; null: not since anybody looked. */
  quietSeconds: Schema.NullOr(Schema.Number)
})
export type Denial = typeof Denial.Type

/** Everything that changes, as it is told twice a second. */
export const Look = Schema.Struct({
  /** Of a clock that does not run backwards. */
  timeMs: Schema.Number,
  upSeconds: Schema.Number,
  status: Control.Status,
  /** The tap's, if there is one, does not count. */
  portsOpen: Schema.Number,
  /** The busiest, in their order. */
  ports: Schema.Array(Control.Port),
  /** The latest first. */
  denials: Schema.Array(Denial)
})
export type Look = typeof Look.Type

/** The stations that were looked for. */
export const StationSearch = Schema.Struct({
  /** False: the forwarding thread did not answer in time, and nothing is known. */
  answered: Schema.Boolean,
  /** Known to the switch, and found. */
  total: Schema.Number,
  found: Schema.Number,
  /** The first of them. */
  stations: Schema.Array(Control.Station)
})
export type StationSearch = typeof StationSearch.Type
