import * as Either from "effect/Either"
import { isIP } from "node:net"
import { flags, spell } from "./Flags.ts"
import { printable, ValueError } from "./UsageError.ts"

/** Where metrics are served over TCP. */
export interface MetricsAddress {
  readonly host: string
  readonly port: number
}

/** Whom one means who names a port alone: nobody but this machine. */
const loopback = "127.0.0.1"

/**
 * Reads `9100`, `127.0.0.1:9100` or `[::1]:9100`; port 0 lets the kernel choose. No names: those may come to mean
 * others.
 */
export const readMetricsAddress = (text: string): Either.Either<MetricsAddress, ValueError> => {
  const [, six, four, digits] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):)?([0-9]{1,5})$/.exec(text) ?? []
  const host = six ?? four ?? loopback
  const port = Number(digits)
  const fits = digits !== undefined && port <= 65_535 && isIP(host) === (six === undefined ? 4 : 6)
  return fits
    ? Either.right({ host, port })
    : Either.left(
      new ValueError({
        message: `bad ${spell(flags.metrics)} ${printable(text)}: give an address and a port, as ${loopback}:9100`
      })
    )
}
