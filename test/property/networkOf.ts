import * as Networks from "../../src/domain/Network.ts"
import * as Prefixes from "../../src/domain/Prefix.ts"
import { address } from "./frames.ts"
import { address6 } from "./policyFrames6.ts"

/** `10.1.0.5`, `192.0.2.0/24`, `fd00:1::5` or `fd00:1::/65`, as a binding has it. */
export const networkOf = (text: string): Networks.Network => {
  const [first = "", bits] = text.split("/")
  if (first.includes(":")) return Networks.ofIpv6({ address: address6(first), bits: Number(bits ?? 128) })
  return Networks.ofIpv4(Prefixes.make(new DataView(address(first).buffer).getUint32(0), Number(bits ?? 32)))
}
