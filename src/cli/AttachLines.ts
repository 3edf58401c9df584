import type { Prefix } from "../domain/Prefix.ts"
import * as Prefixes from "../domain/Prefix.ts"

/** A word for a shell, quoted if it needs to be. */
const quote = (word: string): string => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** What a simulation prints when it serves: where its socket is, and the exact lines that attach a guest. */
export const attachLines = (socketPath: string, prefix: Prefix | undefined, seed: number): string => {
  const uml = [
    "linux.uml", "mem=128M", "rootfstype=hostfs", "ro", "init=/bin/sh", "con=null", "con0=fd:0,fd:1",
    quote(`vec0:transport=bess,dst=${socketPath}`)
  ].join(" ")
  const connect = "import os,socket,sys;s=socket.socket(1,5);s.connect(sys.argv[1]);os.dup2(s.fileno(),9);" +
    "os.execvp(sys.argv[2],sys.argv[2:])"
  const qemu = [
    "python3", "-c", quote(connect), quote(socketPath), "qemu-system-x86_64", "-netdev",
    "dgram,id=n0,local.type=fd,local.str=9", "-device", "virtio-net-pci,netdev=n0"
  ].join(" ")
  const host = prefix === undefined
    ? "a pure bridge: the simulated host has no address"
    : `the simulated host is ${Prefixes.format(prefix)}: it answers ARP and ping, and leases addresses by DHCP`
  return [
    `socket ${socketPath}`,
    `seed ${seed}; ${host}`,
    "",
    "User-Mode Linux, on this machine's own files; in its shell: ip link set vec0 up && udhcpc -i vec0",
    `  setarch -R ${uml}`,
    "QEMU; add the guest's disk or kernel",
    `  ${qemu}`,
    "",
    "Ends with control-C."
  ].join("\n")
}
