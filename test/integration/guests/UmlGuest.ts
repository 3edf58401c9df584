import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import type { Guest } from "./Guest.ts"
import { guestOnConsole, powerOff } from "./Guest.ts"
import type { HostProcessError } from "./HostProcess.ts"
import { startProcess } from "./HostProcess.ts"
import { scratchDirectory } from "./Scratch.ts"

export interface UmlRequest {
  readonly name: string
  readonly initramfs: string
  /** The shell's line that boots it on the switch, with its console on standard input and output. */
  readonly line: string
  /** Runs it as this user; default: as the one who runs the test. */
  readonly uid?: number | undefined
}

/**
 * A line for {@link UmlRequest}: 96 MB, the card `vec0` on the switch's socket.
 *
 * Address randomisation is off because with it the kernel needs a random extra amount of memory.
 */
export const umlLine = (socketPath: string, mac: string): string =>
  "setarch x86_64 -R linux.uml mem=96M con=null con0=fd:0,fd:1 ssl=null"
  + ` vec0:transport=bess,dst=${socketPath},mac=${mac}`

/** True if programs may be mapped from /dev/shm, where User-Mode Linux likes to keep its memory. */
const sharedMemoryIsExecutable = (): boolean =>
  fs.readFileSync("/proc/mounts", "utf8").split("\n").some((line) => {
    const [, where, type, flags] = line.split(" ")
    return where === "/dev/shm" && type === "tmpfs" && !flags!.split(",").includes("noexec")
  })

/** What a kernel finds around it: a directory for its own files, and one that its memory may lie in. */
export const umlEnvironment = (directory: string): Readonly<Record<string, string>> => ({
  HOME: directory,
  TMPDIR: sharedMemoryIsExecutable() ? "/dev/shm" : directory
})

/**
 * Boots User-Mode Linux; powered off, or killed with its helper processes, when the scope ends.
 * Nothing of it needs root. Its helpers stay in its process group; on TERM it ends them itself.
 * Once more if need be: now and then this kernel's first process cannot fork (EAGAIN), before there is a network card.
 */
export const startUmlGuest = (request: UmlRequest): Effect.Effect<Guest, HostProcessError, Scope.Scope> =>
  Effect.retry(boot(request), { times: 2, while: ({ problem }) => problem.includes("SIGABRT") })

const boot = (
  request: UmlRequest
): Effect.Effect<Guest, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const directory = yield* scratchDirectory(request.uid)
    const kernelWords = `initrd=${request.initramfs} quiet loglevel=1 noreboot`
      + ` uml_dir=${directory}/ umid=${request.name}`
    const process = yield* startProcess(["sh", "-c", `exec ${request.line} ${kernelWords}`], {
      env: umlEnvironment(directory),
      orphanSignal: "TERM",
      beforeKill: powerOff,
      uid: request.uid
    })
    return yield* guestOnConsole({ name: request.name, interfaceName: "vec0", process })
  })
