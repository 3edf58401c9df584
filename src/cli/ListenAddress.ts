import * as Either from "effect/Either"
import { BlockList, isIP } from "node:net"
import { type Flag, spell } from "./Flags.ts"
import { printable } from "./Printable.ts"
import { ValueError } from "./UsageError.ts"

/** Where something is served over TCP. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Whom one means who names a port alone: nobody but this machine. */
const loopback = "127.0.0.1"

/** RFC 1122 section 3.2.1.3 (g), RFC 4291 section 2.5.3; IPv4 in IPv6 is looked at as IPv4. */
const loopbacks = new BlockList()
loopbacks.addSubnet("127.0.0.0", 8, "ipv4")
loopbacks.addAddress("::1", "ipv6")

/** True if only this machine reaches the address. */
export const isLoopback = ({ host }: ListenAddress): boolean =>
  loopbacks.check(host, isIP(host) === 6 ? "ipv6" : "ipv4")

/**
 * Reads `9100`, `127.0.0.1:9100` or `[::1]:9100`; port 0 lets the kernel choose. No names: those may come to mean
 * others.
 *
 * @param usualPort for the remedy.
 */
export const readListenAddress =
  (flag: Flag, usualPort: number) => (text: string): Either.Either<ListenAddress, ValueError> => {
    const [, six, four, digits] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):)?([0-9]{1,5})$/.exec(text) ?? []
    const host = six ?? four ?? loopback
    const port = Number(digits)
    const fits = digits !== undefined && port <= 65_535 && isIP(host) === (six === undefined ? 4 : 6)
    return fits
      ? Either.right({ host, port })
      : Either.left(
        new ValueError({
          message: `bad ${spell(flag)} ${printable(text)}: give an address and a port, as ${loopback}:${usualPort}`
        })
      )
  }
