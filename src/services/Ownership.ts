import * as Context from "effect/Context"

/**
 * Whether it is this process that puts the system back as it was: removes the socket's file and the pid file, takes
 * the tap out of its bridge. Always, but for a process that has handed its switch over, and for one that has not
 * taken it over yet: such a one closes its descriptors and leaves the rest alone.
 */
export class Ownership extends Context.Tag("vknetd/Ownership")<Ownership, { held: boolean }>() {}
