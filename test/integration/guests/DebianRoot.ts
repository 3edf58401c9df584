import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { privilegesMissing } from "./GuestPackages.ts"
import { type HostProcessError, type Outcome, runProcess, startProcess, succeed } from "./HostProcess.ts"
import { scratchDirectory } from "./Scratch.ts"

/** Where `scripts/setup-debian.sh` puts a clean Debian. */
const debianDirectory = "/var/cache/vknetd/debian"

const boot = fileURLToPath(new URL("./boot-debian.sh", import.meta.url))

/** True where a clean Debian can be booted. */
export const debianBoots = privilegesMissing().length === 0 && fs.existsSync(`${debianDirectory}/etc/os-release`)

/** A Debian of its own that systemd has booted, in namespaces; nothing stays of it. */
export interface Debian {
  /** How a path in it is reached from outside, as long as no link is on the way. */
  readonly outside: (path: string) => string
  /** The words that run something in it. */
  readonly words: (...words: ReadonlyArray<string>) => ReadonlyArray<string>
  /** Runs a line of shell in it to its end. */
  readonly run: (line: string) => Effect.Effect<Outcome, HostProcessError>
  /** The same for what has to succeed; gives what was printed. */
  readonly succeed: (line: string) => Effect.Effect<string, HostProcessError>
}

const bootMs = 30_000
const commandMs = 30_000

/** @param files that will be in its /srv. */
export const bootDebian = (
  files: ReadonlyArray<string>
): Effect.Effect<Debian, HostProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const scratch = yield* scratchDirectory()
    const namespaces = ["--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net", "--cgroup"]
    const outer = yield* startProcess(["unshare", ...namespaces, boot, debianDirectory, scratch, ...files])
    const init = yield* outer.waitUntil("forked", () => {
      const children = fs.readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, "utf8").trim()
      return children === "" ? undefined : Number(children)
    }, bootMs)
    const words = (...words: ReadonlyArray<string>) => [
      ...["nsenter", "--target", `${init}`, "--all", "--root", "--wd"],
      ...["env", "-i", "PATH=/usr/sbin:/usr/bin", "DEBIAN_FRONTEND=noninteractive", ...words]
    ]
    yield* outer.waitUntil("booted", () => {
      try {
        return fs.existsSync(`/proc/${init}/root/run/systemd/private`) || undefined
      } catch {
        return undefined
      }
    }, bootMs)
    // Degraded is well: what a container may not do has failed.
    yield* runProcess(words("systemctl", "is-system-running", "--wait"), { timeoutMs: bootMs })
    return {
      outside: (path) => `/proc/${init}/root${path}`,
      words,
      run: (line) => runProcess(words("sh", "-c", line), { timeoutMs: commandMs }),
      succeed: (line) => succeed(words("sh", "-c", line), { timeoutMs: commandMs })
    }
  })
