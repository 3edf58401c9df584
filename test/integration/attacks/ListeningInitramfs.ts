import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as path from "node:path"
import type { HostProcessError } from "../guests/HostProcess.ts"
import { succeed } from "../guests/HostProcess.ts"
import { buildInitramfs } from "../guests/Initramfs.ts"
import { scratchDirectory } from "../guests/Scratch.ts"

const tcpdump = "/usr/bin/tcpdump"

/**
 * The guests' archive with tcpdump(8) in it, so that a guest can tell what arrives at its card.
 * Gives its path; it goes with the scope.
 */
export const buildListeningInitramfs: Effect.Effect<string, HostProcessError, Scope.Scope> = Effect.gen(
  function*() {
    const plain = yield* buildInitramfs
    const directory = yield* scratchDirectory()
    const root = path.join(directory, "root")
    const listing = yield* succeed(["ldd", tcpdump])
    const libraries = listing.split("\n").flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? [])
    for (const file of [tcpdump, ...libraries]) {
      const inside = path.join(root, file)
      fs.mkdirSync(path.dirname(inside), { recursive: true })
      fs.writeFileSync(inside, fs.readFileSync(file), { mode: 0o755 })
    }
    // It asks for the user that it is to become, and stays root.
    fs.mkdirSync(path.join(root, "etc"), { recursive: true })
    fs.writeFileSync(path.join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n")
    // A kernel unpacks one archive after the other.
    const archive = path.join(directory, "listening.cpio")
    yield* succeed([
      "sh",
      "-c",
      `cd ${root} && cp ${plain} ${archive}`
        + ` && find . | cpio --create --quiet --format=newc --owner=0:0 >>${archive}`
    ])
    return archive
  }
)
