import * as fs from "node:fs"
import * as path from "node:path"

/** Where `scripts/setup-guests.sh` puts the kernel that QEMU boots. */
export const kernelDirectory = "/var/cache/vknetd/guest-kernel"

/** Modules that QEMU's network card needs, each after those it builds on. */
export const kernelModules = [
  "virtio_ring",
  "virtio",
  "virtio_pci_legacy_dev",
  "virtio_pci_modern_dev",
  "virtio_pci",
  "failover",
  "net_failover",
  "virtio_net"
] as const

/** Debian package → the program for which the tests need it. The setup script lists the same ones. */
export const guestPackages: Readonly<Record<string, string>> = {
  "busybox-static": "busybox",
  "cpio": "cpio",
  "dnsmasq-base": "dnsmasq",
  "iperf3": "iperf3",
  "iproute2": "ip",
  "iputils-ping": "ping",
  "python3": "python3",
  "python3-scapy": "scapy",
  "qemu-system-x86": "qemu-system-x86_64",
  "socat": "socat",
  "tcpdump": "tcpdump",
  "user-mode-linux": "linux.uml",
  "util-linux": "setpriv"
}

const directories = [
  ...(process.env["PATH"] ?? "").split(":"),
  "/usr/local/sbin",
  "/usr/sbin",
  "/sbin"
]

/** Whether there is such a program, also for one whose PATH has no administrator's ones. */
export const isInstalled = (program: string): boolean =>
  directories.some((directory) => fs.existsSync(path.join(directory, program)))

/** Debian has a busybox that needs the C library too; a guest has none of its own. */
const busyboxIsStatic = (): boolean =>
  fs.existsSync("/bin/busybox")
  && !fs.readFileSync("/bin/busybox").subarray(0, 4096).includes("ld-linux")

/** What `npm run setup:guests` would bring here: packages, and a kernel for QEMU. Empty if nothing. */
export const guestsMissing = (): Array<string> => [
  ...Object.keys(guestPackages).filter((name) =>
    name === "busybox-static" ? !busyboxIsStatic() : !isInstalled(guestPackages[name]!)),
  ...(fs.existsSync(path.join(kernelDirectory, "vmlinuz")) ? [] : ["a kernel for QEMU"])
]

/** What keeps this user from making taps and namespaces. Empty for root on Linux with a tun driver. */
export const privilegesMissing = (): Array<string> => [
  ...(process.getuid?.() === 0 ? [] : ["root"]),
  ...(fs.existsSync("/dev/net/tun") ? [] : ["/dev/net/tun"])
]

/** True where guests can be started: what needs no privilege runs. */
export const guestsRun = guestsMissing().length === 0

/** True where guests can be started and a tap be made for them. */
export const guestsRunOnTap = guestsRun && privilegesMissing().length === 0
