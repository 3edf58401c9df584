import * as Prefix from "../Prefix.ts"
import type { SwitchSettings } from "../SwitchSettings.ts"

const binary = (address: string): string =>
  address.split(".").map((octet) => Number(octet).toString(2).padStart(8, "0")).join("")

/** Whether a host can have an address at all: not this network, loopback, groups, nor what is above. */
export const canBeHosts = (address: string): boolean => {
  const first = Number(address.split(".")[0])
  return first >= 1 && first <= 223 && first !== 127
}

/** The guests' subnet, on addresses as text. */
export class Subnet {
  readonly host: string
  readonly #bits: number

  constructor(host: string, bits: number) {
    this.host = host
    this.#bits = bits
  }

  static of({ prefix }: SwitchSettings): Subnet | undefined {
    return prefix === undefined ? undefined : new Subnet(Prefix.formatAddress(prefix.address), prefix.bits)
  }

  has(address: string): boolean {
    return binary(address).startsWith(binary(this.host).slice(0, this.#bits))
  }

  /** Whether a guest can have it: what lies inside, but for what no host has. */
  hasGuest(address: string): boolean {
    return this.has(address) && canBeHosts(address)
  }

  isNetwork(address: string): boolean {
    return this.#endsIn(address, "0")
  }

  isBroadcast(address: string): boolean {
    return this.#endsIn(address, "1")
  }

  #endsIn(address: string, digit: "0" | "1"): boolean {
    const rest = 32 - this.#bits
    return rest >= 2 && this.has(address) && binary(address).endsWith(digit.repeat(rest))
  }
}
