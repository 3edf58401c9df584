import { portActions } from "./ControlWords.ts"
import { type Fitting, list, number, orNull, record, text, truth, word } from "./Shape.ts"

/*
 * What a running switch answers: one description for the server, for the commands, and for what `--json` prints. Fields
 * stand in the order in which tables show them.
 *
 * Counts are since the port's guest came, or since the switch started. `null` is what is not known: no such thing
 * here, or the forwarding thread did not answer in time, which `answered` tells.
 */

/** The switch as a whole. */
export const status = record({
  version: text,
  pid: number,
  /** ISO 8601. */
  started: text,
  mode: word("secure", "bridge"),
  /** The host's address and the guests' subnet. */
  address: orNull(text),
  socket: text,
  /** Where trunks connect to. */
  trunkSocket: orNull(text),
  /** Name of the interface. */
  tap: orNull(text),
  tapState: word("none", "up", "lost"),
  /** Of the interface, the latest that is known. */
  tapMac: orNull(text),
  /** Of the bridge that it is in, if the host speaks from it. */
  bridgeMac: orNull(text),
  tapMtuBytes: orNull(number),
  guests: number,
  guestsMax: number,
  /** Of the guests that are there. */
  trunks: number,
  /** Known now, over all ports. */
  stations: orNull(number),
  stationAgeSeconds: number,
  logLevel: text,
  receivedFrames: number,
  receivedBytes: number,
  sentFrames: number,
  sentBytes: number,
  deniedFrames: number,
  droppedFrames: number,
  refusedConnections: number,
  /** False: the forwarding thread did not answer in time; what only it knows is null. */
  answered: truth
})
export type Status = Fitting<typeof status>

/** Frames, or copies of them, that were lost under one reason. */
export const reasonCount = record({ reason: text, frames: number })

/** One open port, and who holds its other end. */
export const port = record({
  port: number,
  kind: word("tap", "guest", "trunk"),
  uid: orNull(number),
  user: orNull(text),
  /** Null where the kernel does not tell. */
  pid: orNull(number),
  /** Null if that process has ended. */
  command: orNull(text),
  /** When that process began; ISO 8601. */
  started: orNull(text),
  /** Since it connected. */
  ageSeconds: number,
  stations: orNull(number),
  receivedFrames: number,
  receivedBytes: number,
  sentFrames: number,
  sentBytes: number,
  /** Of what it sent. */
  deniedFrames: number,
  /** Of what was to be sent to it. */
  droppedFrames: number,
  flags: orNull(list(word("isolated", "pinned"))),
  /** Why, for both of the above; only what is not zero. */
  reasons: list(reasonCount)
})
export type Port = Fitting<typeof port>

export const ports = record({ answered: truth, ports: list(port) })
export type Ports = Fitting<typeof ports>

/** One address that has been seen. */
export const station = record({
  port: number,
  address: text,
  ageSeconds: number,
  /** It neither ages nor moves: its port has been pinned. */
  static: truth
})
export type Station = Fitting<typeof station>

export const stations = record({ stations: list(station) })
export type Stations = Fitting<typeof stations>

/** What one port lost under one reason. */
export const drop = record({
  /** Null: the sum of all ports that have closed. */
  port: orNull(number),
  /** `denied` was sent by the port's guest, `dropped` was to be sent to it. */
  stage: word("denied", "dropped"),
  reason: text,
  frames: number
})
export type Drop = Fitting<typeof drop>

/** Connections that were refused. */
export const refusals = record({ reason: text, connections: number })

export const drops = record({ drops: list(drop), refusals: list(refusals) })
export type Drops = Fitting<typeof drops>

/** A station that was known behind one port and then sent from another. */
export const move = record({
  address: text,
  from: number,
  to: number,
  /** When last; ISO 8601, whole seconds. */
  time: text,
  count: number
})
export type Move = Fitting<typeof move>

export const moves = record({ total: number, moves: list(move) })
export type Moves = Fitting<typeof moves>

/** One line of what `watch` sends, until the reader goes. */
export const sample = record({
  /** Of a clock that does not run backwards. */
  timeMs: number,
  answered: truth,
  ports: list(port)
})
export type Sample = Fitting<typeof sample>

export const portAction = word(...portActions)
export type PortAction = Fitting<typeof portAction>

/** What has been done to a port. */
export const portChange = record({
  port: number,
  action: portAction,
  /** Stations that became static or ordinary. */
  stations: number
})
export type PortChange = Fitting<typeof portChange>

export const setting = record({ key: text, value: text })
export type Setting = Fitting<typeof setting>

/** A capture that has been told to end. */
export const captureEnd = record({ capture: number })
