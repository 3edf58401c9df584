import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { type HostProcessError, succeed } from "../guests/HostProcess.ts"
import { scratchDirectory } from "../guests/Scratch.ts"
import { type Desk, makeFurnishedDesk } from "./Desk.ts"

/*
 * As much of DragonFly as the script for rc.subr(8) meets, on Linux: its shell's view of the base system. Real are the
 * script, what the port installs, the switch, its tap and the guests. What stands in for rc.subr(8), kldload(8) and
 * kldstat(8) is in the folder beside this file, written by the manual pages and by how the base system of 5.9 behaves;
 * each fails at what it does not know. Nobody has run any of it on DragonFly itself. What comes nearest: on 2026-11-24
 * the same tests passed on Linux with 5.9's own rc.subr in the place of the stand-in, but for those of mistakes, which
 * it does not look for.
 */

const repository = fileURLToPath(new URL("../../..", import.meta.url))
const standIns = fileURLToPath(new URL("./dragonfly", import.meta.url))

/** What of DragonFly's /bin and /usr/bin the page, the script and the stand-ins may use. */
const baseCommands = ["cat", "cp", "env", "grep", "mv", "sed", "sh", "sleep", "tr"]

/** Puts what the port installs into a staging directory, by the port's own rules. */
const stagePort = (directory: string) => {
  const port = fs.readFileSync(`${repository}share/dragonfly/port/Makefile`, "utf8")
  // The rules are plain make(1); what they are given is what bsd.port.mk would give them.
  fs.writeFileSync(`${directory}/Makefile`, port.replace(/^\.include .*$/m, ""))
  const stage = `${directory}/stage`
  for (const made of ["sbin", "share/man/man8"]) fs.mkdirSync(`${stage}/usr/local/${made}`, { recursive: true })
  const given = {
    STAGEDIR: stage,
    PREFIX: "/usr/local",
    LOCALBASE: "/usr/local",
    WRKSRC: repository,
    TMPPLIST: `${directory}/plist`,
    MKDIR: "mkdir -p",
    INSTALL_DATA: "install -m 444",
    INSTALL_MAN: "install -m 444",
    INSTALL_LIB: "install -m 444",
    INSTALL_SCRIPT: "install -m 555",
    SED: "sed",
    CHMOD: "chmod",
    RLN: "ln -s -r",
    FIND: "find"
  }
  const words = Object.entries(given).map(([name, value]) => `${name}=${value}`)
  return Effect.as(succeed(["make", "-f", `${directory}/Makefile`, "do-install", ...words]), stage)
}

const unload = (home: string): void => fs.writeFileSync(`${home}/base/modules`, "")

/** The base system's part of the reader's machine. */
const layBase = (home: string): void => {
  const base = `${home}/base`
  fs.mkdirSync(base)
  for (const command of baseCommands) {
    const from = ["/bin", "/usr/bin"].map((directory) => `${directory}/${command}`).find((path) => fs.existsSync(path))
    fs.symlinkSync(from!, `${base}/${command}`)
  }
  for (const command of ["kldstat", "kldload"]) fs.copyFileSync(`${standIns}/${command}`, `${base}/${command}`)
  unload(home)
}

/** A machine on which the port is installed and not yet configured. */
export interface DragonFly extends Desk {
  /** The path in which /etc/rc looks for commands at boot. */
  readonly bootPath: string
  /** What the port has put below /usr/local, sorted. */
  readonly installed: ReadonlyArray<string>
  /** What the port says of that: its list, and what its rules have added to it. */
  readonly listed: ReadonlyArray<string>
  /** Modules that were loaded into the kernel, in this order. */
  readonly modules: () => ReadonlyArray<string>
  /** Has the kernel forget them. */
  readonly unload: () => void
}

const linesOf = (path: string): ReadonlyArray<string> => fs.readFileSync(path, "utf8").trim().split("\n")

export const makeDragonFly: Effect.Effect<DragonFly, HostProcessError, Scope.Scope> = Effect.gen(function*() {
  const directory = yield* scratchDirectory()
  const stage = yield* stagePort(directory)
  const local = `${stage}/usr/local`
  const found = yield* succeed(["find", local, "!", "-type", "d", "-printf", "%P\\n"])
  const desk = yield* makeFurnishedDesk((home) => {
    layBase(home)
    return {
      setup: [
        "mkdir -p /etc/defaults /etc/rc.d",
        `cp ${standIns}/rc.subr /etc/rc.subr`,
        `cp ${standIns}/rc.conf /etc/defaults/rc.conf`,
        "echo 'hostname=\"reader\"' >/etc/rc.conf",
        // The base system's, which would start the base system's switch.
        "printf '#!/bin/sh\\nexit 71\\n' >/etc/rc.d/vknetd && chmod 555 /etc/rc.d/vknetd",
        "grep -q ^vknet: /etc/group || echo 'vknet:*:85:' >>/etc/group",
        `mkdir ${local}/bin && touch ${local}/bin/node`,
        `mount --bind ${fs.realpathSync(process.execPath)} ${local}/bin/node`,
        `mount --rbind ${local} /usr/local`
      ],
      shell: [
        ...["env", "-i", `HOME=${home}`, `PATH=${home}/base:/usr/local/sbin:/usr/local/bin`],
        ...[`NODE_OPTIONS=--require=${standIns}/systemName.cjs`, "/bin/sh"]
      ]
    }
  })
  return {
    ...desk,
    bootPath: `${desk.home}/base`,
    installed: found.trim().split("\n").sort(),
    listed: [...linesOf(`${repository}share/dragonfly/port/pkg-plist`), ...linesOf(`${directory}/plist`)].sort(),
    modules: () => linesOf(`${desk.home}/base/modules`),
    unload: () => unload(desk.home)
  }
})
