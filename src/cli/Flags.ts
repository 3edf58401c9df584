import { Bounds } from "../domain/Bounds.ts"
import { logFormats, logLevels } from "./LogLine.ts"
import { defaults } from "./Options.ts"
import type { LongFlags } from "./ShortFlags.ts"

/** What a word can be where that can be told beforehand: a file, or one of some words, or begin with one. */
export type Takes = "file" | ReadonlyArray<string>

/** One option of the command, as the parser, the help text and the tests of the manual see it. */
export interface Flag {
  /** Without dashes: one letter, or a word. */
  readonly name: string
  /** What its value is called; undefined for a switch. */
  readonly value: string | undefined
  /** For the help text: one line, or two. */
  readonly help: string
  /** Of its value. */
  readonly takes?: Takes
}

/** Smallest MTU that IPv4 lets a link have, RFC 791 section 3.2. */
export const mtuBytesMin = 68

/** Largest MTU: the largest frame without its header and one tag. */
export const mtuBytesMax = Bounds.frameBytesMax - Bounds.frameOverheadBytes

/** Seeds are unsigned 32-bit. */
export const seedMax = 0xffff_ffff

/** Every option there is, in the order of the help text. The keys are what the parser calls them. */
export const flags = {
  monitor: { name: "c", value: undefined, help: "attach to a running switch and dump what arrives" },
  foreground: { name: "d", value: undefined, help: "stay in the foreground, log to standard error" },
  unsecure: { name: "U", value: undefined, help: "bridge everything: judge no addresses, no protocols" },
  bridge: { name: "b", value: "bridgeN", help: "add the tap to this bridge, made if absent" },
  socket: { name: "p", value: "socket_path", help: `listen here (${defaults.socketPath})`, takes: "file" },
  pidFile: { name: "i", value: "pidfile", help: `write the process id here (${defaults.pidFilePath})`, takes: "file" },
  tap: { name: "t", value: "tapN", help: "this tap: auto, tapN or a device's path (auto)", takes: "file" },
  noTap: { name: "no-tap", value: undefined, help: "no host side; needs no root" },
  noOffload: { name: "no-offload", value: undefined, help: "exchange single frames with the host's kernel" },
  simulate: {
    name: "simulate",
    value: undefined,
    help: `simulated host instead of a tap; needs no root (${defaults.simulatedAddress})`
  },
  seed: { name: "seed", value: "N", help: "the simulation's seed" },
  group: { name: "group", value: "NAME|GID", help: `group that may connect (${defaults.groupName})` },
  mode: { name: "mode", value: "OCTAL", help: `permission bits of the socket (${defaults.socketMode.toString(8)})` },
  trunk: {
    name: "trunk",
    value: "PATH",
    help: "a second socket, for other switches: many stations each",
    takes: "file"
  },
  maxClients: { name: "max-clients", value: "N", help: `guests at once (${Bounds.guestPortsDefault})` },
  maxClientsPerUid: {
    name: "max-clients-per-uid",
    value: "N",
    help: `guests at once of one user (${Bounds.guestPortsPerUidDefault})`
  },
  mtu: {
    name: "mtu",
    value: "BYTES",
    help: `largest payload of a frame (the tap's, at least ${Bounds.mtuBytesDefault})`
  },
  macAge: { name: "mac-age", value: "SECONDS", help: `forget a silent station after (${Bounds.stationAgeSeconds})` },
  takeover: { name: "takeover", value: undefined, help: "take over the running switch; its guests notice nothing" },
  isolate: {
    name: "isolate",
    value: "WHOM",
    help: "keep guests apart: none, users or all (none)",
    takes: ["none", "users", "all"]
  },
  learn: {
    name: "learn",
    value: "HOW",
    help: "how an IP address is claimed: fcfs, dhcp or static (fcfs)",
    takes: ["fcfs", "dhcp", "static"]
  },
  lock: { name: "lock", value: undefined, help: "the first MAC and IP address of a guest are its only ones" },
  bind: { name: "bind", value: "BINDINGS", help: "addresses of users or trunks: uid:N,mac=MAC,ip=ADDRESS; and so on" },
  maxMacs: { name: "max-macs", value: "N", help: `MAC addresses of a guest (${Bounds.stationsPerGuestSecure})` },
  maxIps: { name: "max-ips", value: "N", help: `IP addresses of a guest (${Bounds.addressesPerGuest})` },
  hold: {
    name: "hold",
    value: "SECONDS",
    help: `keep a closed port's addresses for its user (${Bounds.identityHoldSeconds})`
  },
  stormRate: { name: "storm-rate", value: "N", help: `floods of a guest a second (${Bounds.stormPerSecondSecure})` },
  arpRate: { name: "arp-rate", value: "N", help: `ARP of a guest a second (${Bounds.arpPerSecond})` },
  dhcpServer: {
    name: "dhcp-server",
    value: "WHO",
    help: "who may be one: tap, any or uid:N (tap)",
    takes: ["tap", "any"]
  },
  allowEtherType: { name: "allow-ethertype", value: "HEX", help: "let guests send each other these types, too" },
  ipv6: { name: "ipv6", value: "ADDRESS/BITS", help: "the host's IPv6 address on the tap and the guests' prefix" },
  config: { name: "config", value: "FILE", help: "settings of this file, too; HUP reads it anew", takes: "file" },
  check: { name: "check", value: undefined, help: "check the settings, and do nothing" },
  metrics: { name: "metrics", value: "ADDRESS:PORT", help: "serve metrics for Prometheus here" },
  web: { name: "web", value: "ADDRESS:PORT", help: "serve a page to look at here" },
  webToken: {
    name: "web-token",
    value: "FILE",
    help: "show the page to who knows the token in this file",
    takes: "file"
  },
  user: { name: "user", value: "NAME|UID", help: "become this user, without privileges, once all is open" },
  keepNetAdmin: { name: "keep-net-admin", value: undefined, help: "but keep the right to open a lost tap again" },
  readyFd: { name: "ready-fd", value: "N", help: "write a line to this descriptor when a connect succeeds" },
  logFormat: {
    name: "log-format",
    value: "FORMAT",
    help: "logfmt, json, journal or syslog (what fits)",
    takes: logFormats
  },
  logFile: { name: "log-file", value: "PATH", help: "log to this file; HUP opens it anew", takes: "file" },
  logLevel: {
    name: "log-level",
    value: "LEVEL",
    help: "log error, warning, info or debug and above (info)",
    takes: logLevels
  }
} as const satisfies Record<string, Flag>

/** What only prints. @effect/cli has these, too, but does not answer them here (`Command.ts`). */
export const builtInFlags = {
  help: { name: "help", value: undefined, help: "print this" },
  version: { name: "version", value: undefined, help: "print the version" },
  completions: {
    name: "completions",
    value: "SHELL",
    help: "print completions for bash, zsh, fish or sh",
    takes: ["bash", "zsh", "fish", "sh"]
  }
} as const satisfies Record<string, Flag>

/** Every flag, ours and the built-in ones. */
export const allFlags: ReadonlyArray<Flag> = [...Object.values(flags), ...Object.values(builtInFlags)]

/** The option as the user writes it: `-b`, `--seed`. */
export const spell = (flag: Flag): string => flag.name.length === 1 ? `-${flag.name}` : `--${flag.name}`

/** For `expandShortFlags`; `-h` is the short form of `--help`. */
export const shortSpec: string = allFlags
  .filter(({ name }) => name.length === 1)
  .map(({ name, value }) => value === undefined ? name : `${name}:`)
  .concat("h")
  .join("")

/** For `expandShortFlags`. */
export const longFlags: LongFlags = Object.fromEntries(
  allFlags
    .filter(({ name }) => name.length > 1)
    .map(({ name, value }) => [name, value === undefined ? "switch" : "value"] as const)
)
