import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as path from "node:path"
import { kernelDirectory, kernelModules } from "./GuestPackages.ts"
import type { HostProcessError } from "./HostProcess.ts"
import { succeed } from "./HostProcess.ts"
import { scratchDirectory } from "./Scratch.ts"

/**
 * The first process of a guest. Runs what it reads from its console, one command a line,
 * `ID COMMAND`, and answers `\x02ID\n`, the output, `\x03ID STATUS\n`. See GuestConsole.ts.
 */
const init = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
case $(uname -r) in *-cloud-*)
  for module in ${kernelModules.join(" ")}; do insmod /modules/$module.ko; done
esac
ip link set lo up
exec </dev/console >/dev/console 2>&1
stty -echo -onlcr
printf '\\002ready\\n'
while IFS= read -r line; do
  id=\${line%% *}
  printf '\\002%s\\n' "$id"
  (eval "\${line#* }") </dev/null 2>&1
  printf '\\003%s %s\\n' "$id" $?
done
poweroff -f
`

/** What udhcpc runs for each event: takes the lease's address and router, and notes the lease. */
const lease = `#!/bin/sh
[ "$1" = deconfig ] && ip addr flush dev $interface
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
[ -n "$router" ] && ip route replace default via \${router%% *}
echo "$ip/$mask router $router" >/tmp/lease
`

/** The shared libraries of a program, by the paths under which its loader asks for them. */
const librariesOf = (program: string): Effect.Effect<Array<string>, HostProcessError> =>
  Effect.map(succeed(["ldd", program]), (listing) =>
    listing.split("\n").flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []))

const put = (root: string, inside: string, content: string | Uint8Array, mode: number): void => {
  const file = path.join(root, inside)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content, { mode })
}

/**
 * Packs busybox, iperf3 and, if they have been fetched, the modules with which Debian's
 * cloud kernel drives QEMU's network card. Gives the archive's path; it goes with the scope.
 */
export const buildInitramfs: Effect.Effect<string, HostProcessError, Scope.Scope> = Effect.gen(
  function*() {
    const directory = yield* scratchDirectory()
    const root = path.join(directory, "root")
    put(root, "init", init, 0o755)
    put(root, "etc/udhcpc/default.script", lease, 0o755)
    put(root, "bin/busybox", fs.readFileSync("/bin/busybox"), 0o755)
    const iperf = "/usr/bin/iperf3"
    for (const file of [iperf, ...(yield* librariesOf(iperf))]) {
      put(root, file, fs.readFileSync(file), 0o755)
    }
    for (const module of kernelModules) {
      const file = path.join(kernelDirectory, `${module}.ko`)
      if (fs.existsSync(file)) put(root, `modules/${module}.ko`, fs.readFileSync(file), 0o644)
    }
    const archive = path.join(directory, "initramfs.cpio")
    yield* succeed([
      "sh",
      "-c",
      `cd ${root} && find . | cpio --create --quiet --format=newc --owner=0:0 >${archive}`
    ])
    return archive
  }
)
