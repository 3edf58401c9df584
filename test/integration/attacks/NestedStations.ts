import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { HostProcessError } from "../guests/HostProcess.ts"
import type { Netns } from "../guests/Netns.ts"
import { makeNetns, makeVeth } from "../guests/Netns.ts"

/*
 * Honest stations that are namespaces of this machine: its own kernel answers for them. What a namespace sends on
 * one of its cards socat(1) carries to the switch's socket, so that it is a guest like any other.
 */

/** A station's addresses. */
export interface Identity {
  readonly mac: string
  readonly address: string
}

/** What a station's own card is called. */
export const card = "eth0"

/** For the shell of a namespace or guest: nothing says anything over IPv6, now or later. */
export const withoutIpv6 =
  "for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do [ ! -e $file ] || echo 1 >$file; done"

const addressed = ({ address, mac }: Identity): string =>
  `ip link set ${card} address ${mac} && ip addr add ${address}/24 dev ${card} && ip link set ${card} up`

/** Makes a tap in a namespace and joins it to the switch, as a guest; unplugged when the scope ends. */
const plugIn = (
  netns: Netns,
  socketPath: string,
  request: { readonly name: string; readonly setUp: string }
): Effect.Effect<void, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const { name, setUp } = request
    yield* netns.succeed(`${withoutIpv6}; ip tuntap add ${name} mode tap && ${setUp}`)
    yield* netns.start([
      "socat",
      "-b",
      "16384",
      `UNIX-CONNECT:${socketPath},type=5`,
      `TUN,tun-name=${name},tun-type=tap,iff-no-pi`
    ])
    // It has a carrier as long as somebody is at its other end.
    yield* netns.succeed(
      `for i in $(seq 250); do [ "$(cat /sys/class/net/${name}/carrier)" = 1 ] && exit; sleep 0.02; done; false`
    )
  })

/** A namespace that is one guest of the switch. */
export const startStation = (
  socketPath: string,
  identity: Identity
): Effect.Effect<Netns, HostProcessError, Scope.Scope> =>
  Effect.tap(makeNetns, (netns) => plugIn(netns, socketPath, { name: card, setUp: addressed(identity) }))

/** Namespaces behind a bridge, which is one guest of the switch; in the order of their identities. */
export const startNestedBridge = (
  socketPath: string,
  identities: ReadonlyArray<Identity>
): Effect.Effect<ReadonlyArray<Netns>, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const middle = yield* makeNetns
    // It snoops, as a bridge does unless told, so it says by IGMP from 0.0.0.0 that it listens to 224.0.0.106
    // (RFC 4286).
    const made = "ip link add bridge type bridge mcast_snooping 1 && ip link set bridge up"
    yield* middle.succeed(`${withoutIpv6}; ${made}`)
    const stations = yield* Effect.forEach(identities, (identity, i) =>
      Effect.gen(function*() {
        const station = yield* makeNetns
        yield* station.succeed(withoutIpv6)
        yield* makeVeth({ netns: middle, interfaceName: `leg${i}` }, { netns: station, interfaceName: card })
        yield* middle.succeed(`ip link set leg${i} master bridge`)
        yield* station.succeed(addressed(identity))
        return station
      }), { concurrency: 4 })
    yield* plugIn(middle, socketPath, {
      name: "trunk",
      setUp: "ip link set trunk master bridge && ip link set trunk up"
    })
    return stations
  })
