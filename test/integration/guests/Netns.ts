import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { HostProcess, HostProcessError, HostProcessOptions } from "./HostProcess.ts"
import { startProcess, succeed } from "./HostProcess.ts"

/** A network namespace: as far as interfaces and addresses go, a host of its own. See ip-netns(8). */
export interface Netns {
  readonly name: string
  /** Words to put in front of a command so that it runs inside. */
  readonly prefix: ReadonlyArray<string>
  /** Runs a command inside that has to succeed, and gives its output. */
  readonly succeed: (command: string, timeoutMs?: number) => Effect.Effect<string, HostProcessError>
  /** Starts a process inside, killed when the scope ends. */
  readonly start: (
    argv: ReadonlyArray<string>,
    options?: HostProcessOptions
  ) => Effect.Effect<HostProcess, never, Scope.Scope>
  /** True if the namespace has an interface of that name. */
  readonly hasInterface: (interfaceName: string) => Effect.Effect<boolean, HostProcessError>
}

let made = 0

/** Makes a namespace with its loopback up; removed, with all interfaces in it, when the scope ends. */
export const makeNetns: Effect.Effect<Netns, HostProcessError, Scope.Scope> = Effect.gen(function*() {
  const name = `vk-${process.pid}-${made++}`
  yield* Effect.acquireRelease(
    succeed(["ip", "netns", "add", name]),
    () => Effect.ignore(succeed(["ip", "netns", "del", name]))
  )
  const prefix = ["ip", "netns", "exec", name]
  const netns: Netns = {
    name,
    prefix,
    succeed: (command, timeoutMs = 10_000) =>
      succeed([...prefix, "sh", "-c", command], { timeoutMs }),
    start: (argv, options) => startProcess([...prefix, ...argv], options),
    hasInterface: (interfaceName) =>
      Effect.map(
        succeed([...prefix, "ip", "-o", "link", "show"]),
        (links) => links.split("\n").some((link) => link.split(/[:@] ?/)[1] === interfaceName)
      )
  }
  yield* netns.succeed("ip link set lo up")
  return netns
})

/** A cable between two namespaces: an interface in each, both up. Gone when either namespace is. */
export const makeVeth = (
  one: { readonly netns: Netns; readonly interfaceName: string },
  other: { readonly netns: Netns; readonly interfaceName: string }
): Effect.Effect<void, HostProcessError> =>
  one.netns.succeed(
    `ip link add ${one.interfaceName} type veth`
      + ` peer name ${other.interfaceName} netns ${other.netns.name}`
      + ` && ip link set ${one.interfaceName} up`
  ).pipe(
    Effect.zipRight(other.netns.succeed(`ip link set ${other.interfaceName} up`)),
    Effect.asVoid
  )
