import * as Either from "effect/Either"
import { Bounds } from "../domain/Bounds.ts"
import { defaults } from "../domain/policy/PolicySettings.ts"
import { type Flag, flags, spell } from "./Flags.ts"
import type { Options } from "./Options.ts"
import { clash, type Read } from "./OptionValue.ts"

/**
 * Objects if what each guest may have, times the guests that there may be, does not fit a table in secure mode: the
 * guests of one user could fill it, each within its bounds, and others would have nothing. With `-U` whoever has most
 * gives one up then, so nothing need be refused.
 */
export const objectToShares = ({ guestPorts, policy }: Pick<Options, "guestPorts" | "policy">): Read<void> => {
  const { addressesPerGuest, stationsPerGuest } = { ...defaults(true), ...policy }
  return Either.flatMap(
    judge(flags.maxMacs, stationsPerGuest, guestPorts, "MAC addresses"),
    () => judge(flags.maxIps, addressesPerGuest, guestPorts, "IP addresses")
  )
}

const judge = (flag: Flag, perGuest: number, guestPorts: number, what: string): Read<void> => {
  const most = Bounds.stationsOfGuestsMax
  if (perGuest * guestPorts <= most) return Either.void
  const [share, clients] = [spell(flag), spell(flags.maxClients)]
  return clash(
    [flag, flags.maxClients],
    `${share} ${perGuest} for each of ${clients} ${guestPorts} are more than ${most} ${what}, so that some could leave`
      + ` others none; try ${share} ${Math.floor(most / guestPorts)} or ${clients} ${Math.floor(most / perGuest)}`
  )
}
