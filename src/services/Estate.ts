import * as Schema from "effect/Schema"
import { BUCKET_WIDTH, FACT_WIDTH } from "../domain/AdmissionSnapshot.ts"
import { PENDING_WIDTH } from "../domain/policy/DhcpSnoop.ts"
import { HELD_WIDTH } from "../domain/policy/HeldIdentities.ts"
import type { PlaneKnowledge } from "./PlaneState.ts"

/*
 * What one process hands to another: everything about a switch that cannot be opened or learned anew without its guests
 * noticing. Plain data beside the descriptors. Who changes a field so that an older process would misread it raises
 * `estateVersion`, and takeovers between the two are refused.
 */

/** Of what is in an estate and what it means. */
export const estateVersion = 5

/** What the new process says first. */
export const Hello = Schema.Struct({ estateVersion: Schema.Number, version: Schema.String })

/** What the new process says last. */
export const Serving = Schema.Struct({ pid: Schema.Number })

const Address = Schema.Struct({ hi: Schema.Number, lo: Schema.Number })

/** What the old process is: for the new one to compare with what it was asked to be. */
export const Offer = Schema.Struct({
  version: Schema.String,
  pid: Schema.Number,
  simulated: Schema.Boolean,
  pidFilePath: Schema.NullOr(Schema.String),
  /** The interface, and as it was printed; null: none. */
  tap: Schema.NullOr(Schema.Struct({
    interfaceName: Schema.String,
    printedName: Schema.String,
    macAddress: Address,
    mtuBytes: Schema.Number
  })),
  bridgeName: Schema.NullOr(Schema.String),
  /** As it was given, in the form of `Prefix.format`. */
  address: Schema.NullOr(Schema.String),
  /** The same of IPv6. */
  ipv6: Schema.NullOr(Schema.String),
  trunkPath: Schema.NullOr(Schema.String),
  /** The highest number of a guest's port that is open. */
  highestPort: Schema.Number
})
export type Offer = typeof Offer.Type

/** The node of a socket, so that it can be removed if it is still the one that was made. */
const Node = Schema.Struct({ device: Schema.BigIntFromSelf, inode: Schema.BigIntFromSelf })

const TcpAddress = Schema.Struct({ host: Schema.String, port: Schema.Number })

/** What the first descriptors are, in their order. */
export const Role = Schema.Literal("listener", "trunk-listener", "control", "metrics", "web", "tap", "pid-file")
export type Role = typeof Role.Type

const floats = Schema.instanceOf(Float64Array)
const integers = Schema.instanceOf(Int32Array)
const Numbers = Schema.Array(Schema.Number)
const rowsOf = (width: number) => integers.pipe(Schema.filter((rows) => rows.length % width === 0))

/** What the forwarding loop has learned and counted; see `PlaneKnowledge`. */
export const Knowledge = Schema.Struct({
  admission: Schema.Struct({
    stations: rowsOf(FACT_WIDTH),
    claims: rowsOf(FACT_WIDTH),
    identifiers: rowsOf(FACT_WIDTH),
    moves: Schema.Struct({ rows: integers, count: floats, latest: floats, total: Schema.Number }),
    held: rowsOf(HELD_WIDTH),
    pending: rowsOf(PENDING_WIDTH),
    buckets: floats.pipe(Schema.filter((rows) => rows.length % BUCKET_WIDTH === 0))
  }),
  counters: Schema.Struct({
    columns: Schema.Array(Schema.String),
    ports: integers,
    values: floats,
    refusals: Schema.Array(Schema.Tuple(Schema.String, Schema.Number))
  }).pipe(Schema.filter(({ columns, ports, values }) => values.length === columns.length * ports.length)),
  isolated: Numbers,
  pinned: Numbers,
  held: Schema.Array(Schema.Struct({
    egress: Schema.Number,
    ingress: Schema.Number,
    octets: Schema.Uint8ArrayFromSelf
  }))
})
export type Knowledge = PlaneKnowledge

/** Everything that is open, and what is known of it; the descriptors follow. */
export const Inventory = Schema.Struct({
  roles: Schema.Array(Role),
  /** Null: a service manager's, to be left where it is. */
  listenerNode: Schema.NullOr(Node),
  trunkNode: Schema.NullOr(Node),
  controlNode: Schema.NullOr(Node),
  /** Where the metrics and the page are served. */
  metrics: Schema.NullOr(TcpAddress),
  web: Schema.NullOr(TcpAddress),
  tap: Schema.NullOr(Schema.Struct({
    interfaceName: Schema.String,
    printedName: Schema.String,
    macAddress: Address,
    mtuBytes: Schema.Number,
    sinceMs: Schema.Number
  })),
  /** What was done to the bridge, and is to be undone at the end. */
  membership: Schema.NullOr(Schema.Struct({
    bridgeName: Schema.String,
    created: Schema.Boolean,
    added: Schema.Boolean,
    assigned: Schema.Boolean,
    assigned6: Schema.Boolean
  })),
  /** Whose connections these are; their descriptors come last. */
  guests: Schema.Array(Schema.Struct({
    port: Schema.Number,
    uid: Schema.Number,
    pid: Schema.Number,
    trunk: Schema.Boolean,
    openedMs: Schema.Number
  })),
  /** Where the service manager listens; null: there is none. */
  notifySocket: Schema.NullOr(Schema.String),
  /** How many open files the service manager keeps for the next process; 0: none. */
  descriptorStoreMax: Schema.Number,
  /** When the switch, not the process, began. */
  startedMs: Schema.Number
})
export type Inventory = typeof Inventory.Type
