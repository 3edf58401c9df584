import { fileURLToPath } from "node:url"
import * as Ipv6Prefixes from "../domain/Ipv6Prefix.ts"
import type { Ipv6Prefix } from "../domain/Ipv6Prefix.ts"
import type { Prefix } from "../domain/Prefix.ts"
import * as Prefixes from "../domain/Prefix.ts"

/** A word for a shell, quoted if it needs to be. */
const quote = (word: string): string => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** What a guest on the host's own files does with a lease; seen from the bundle. */
const leaseScript = fileURLToPath(new URL("../share/guest/udhcpc.script", import.meta.url))

/** What a simulation prints when it serves: where its socket is, and the exact lines that attach a guest. */
export const attachLines = (
  socketPath: string,
  prefix: Prefix,
  ipv6: Ipv6Prefix | undefined,
  seed: number
): string => {
  const uml = [
    "linux.uml", "mem=128M", "rootfstype=hostfs", "ro", "init=/bin/sh", "con=null", "con0=fd:0,fd:1",
    quote(`vec0:transport=bess,dst=${socketPath}`)
  ].join(" ")
  const connect = "import os,socket,sys;s=socket.socket(1,5);s.connect(sys.argv[1]);os.dup2(s.fileno(),9);" +
    "os.execvp(sys.argv[2],sys.argv[2:])"
  const qemu = [
    "python3", "-c", quote(connect), quote(socketPath), "qemu-system-x86_64", "-netdev",
    "dgram,id=n0,local.type=fd,local.str=9", "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01"
  ].join(" ")
  const host = `the simulated host is ${Prefixes.format(prefix)}: it answers ARP and ping, and leases addresses by DHCP`
  const host6 = ipv6 === undefined ? "" : `; by IPv6 it is ${Ipv6Prefixes.format(ipv6)}`
  const inGuest = [
    "ip link set vec0 up",
    `busybox udhcpc -q -i vec0 -s ${quote(leaseScript)}`,
    // No control-C reaches a program in a guest whose shell has no terminal of its own.
    `ping -c 3 ${Prefixes.formatAddress(prefix.address)}`
  ].join("; ")
  return [
    `socket ${socketPath}`,
    `seed ${seed}; ${host}${host6}`,
    "",
    "Attach User-Mode Linux, running on this machine's own files:",
    `  setarch -R ${uml}`,
    "and in its shell (busybox poweroff -f ends it):",
    `  ${inGuest}`,
    "Attach QEMU (add the guest's kernel or disk; each guest needs another mac):",
    `  ${qemu}`,
    "",
    "Control-C ends the switch."
  ].join("\n")
}
