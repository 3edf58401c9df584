import * as Either from "effect/Either"
import ipaddr from "ipaddr.js"
import type { Flag } from "./Flags.ts"
import { type Read, refuse } from "./OptionValue.ts"

/** Where something is served over TCP. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Whom one means who names a port alone: nobody but this machine. */
const loopback = "127.0.0.1"

/**
 * True if only this machine reaches the address: RFC 1122 section 3.2.1.3 (g), RFC 4291 section 2.5.3. IPv4 in IPv6 is
 * looked at as IPv4.
 */
export const isLoopback = ({ host }: ListenAddress): boolean => ipaddr.process(host).range() === "loopback"

/**
 * Reads `9100`, `127.0.0.1:9100` or `[::1]:9100`; port 0 lets the kernel choose. No names: those may come to mean
 * others.
 *
 * @param usualPort for the remedy.
 */
export const readListenAddress =
  (flag: Flag, usualPort: number) => (text: string): Read<ListenAddress> => {
    const [, six, four, digits] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):)?([0-9]{1,5})$/.exec(text) ?? []
    const host = six ?? four ?? loopback
    const port = Number(digits)
    const fits = digits !== undefined && port <= 65_535 && isAddress(host, six !== undefined)
    return fits
      ? Either.right({ host, port })
      : refuse(flag, text, `give an address and a port, as ${loopback}:${usualPort}`)
  }

const isAddress = (host: string, isSix: boolean): boolean =>
  isSix ? ipaddr.IPv6.isValid(host) : ipaddr.IPv4.isValidFourPartDecimal(host)
