import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import type { Ending, HostProcess, HostProcessError, HostProcessOptions } from "./HostProcess.ts"
import { startProcess } from "./HostProcess.ts"
import { scratchDirectory } from "./Scratch.ts"

const repository = fileURLToPath(new URL("../../..", import.meta.url))

/** The words that run the command as a user of the checkout would. */
export const vknetd: ReadonlyArray<string> = [process.execPath, path.join(repository, "bin/vknetd")]

/**
 * A copy of the built command where every user can read it, as an installation would be; gone
 * with the scope. Gives the words that run it.
 */
export const installForEverybody: Effect.Effect<ReadonlyArray<string>, never, Scope.Scope> =
  Effect.map(scratchDirectory(), (directory) => {
    for (const part of ["bin", "dist", "share", "package.json", "build/Release/vknetd.node"]) {
      fs.cpSync(path.join(repository, part), path.join(directory, part), { recursive: true })
    }
    return [process.execPath, path.join(directory, "bin/vknetd")]
  })

/** A switch that runs in the foreground, from the built bundle. */
export interface SwitchUnderTest {
  readonly socketPath: string
  readonly pidFilePath: string
  readonly process: HostProcess
  /** Sends TERM and waits for its end. */
  readonly terminate: Effect.Effect<Ending, HostProcessError>
  /** Kills it, with no chance to tidy up, and waits for its end. */
  readonly kill: Effect.Effect<Ending, HostProcessError>
}

const startMs = 10_000
const stopMs = 5000

/** The control socket is the last that a start makes; it has its mode when it is done. */
const isMade = (controlPath: string): boolean =>
  ((fs.statSync(controlPath, { throwIfNoEntry: false })?.mode ?? 0) & 0o777) !== 0

/**
 * Starts `vknetd -d` with a socket and a pid file in `directory`, and `argv` after them, and
 * waits until it listens. Killed when the scope ends.
 */
export const startSwitch = (request: {
  readonly directory: string
  /** Words in front of the command, e.g. a namespace's. */
  readonly prefix: ReadonlyArray<string>
  readonly argv: ReadonlyArray<string>
  readonly options?: HostProcessOptions
}): Effect.Effect<SwitchUnderTest, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const socketPath = path.join(request.directory, "sw")
    const pidFilePath = path.join(request.directory, "pid")
    const process = yield* startProcess(
      [...request.prefix, ...vknetd, "-d", "-p", socketPath, "-i", pidFilePath, ...request.argv],
      request.options
    )
    const ownPid = `${process.pid}`
    yield* process.waitUntil(
      "listening",
      () =>
        fs.existsSync(socketPath) && fs.existsSync(pidFilePath) && isMade(`${socketPath}.ctl`)
          && fs.readFileSync(pidFilePath, "utf8").trim() === ownPid || undefined,
      startMs
    )
    const end = (signal: NodeJS.Signals) =>
      Effect.suspend(() => {
        process.signal(signal)
        return process.waitForEnd(stopMs)
      })
    return { socketPath, pidFilePath, process, terminate: end("SIGTERM"), kill: end("SIGKILL") }
  })
