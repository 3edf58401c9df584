import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { until } from "./commandTranscript.ts"
import { bootDebian, type Debian, debianBoots } from "./guests/DebianRoot.ts"
import { guestsRun } from "./guests/GuestPackages.ts"
import { startProcess, succeed } from "./guests/HostProcess.ts"
import { arpReply, askHost } from "./guests/HostQuestion.ts"
import { buildInitramfs } from "./guests/Initramfs.ts"
import { assertNoLoss, hundredPings } from "./guests/Ping.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { startUmlGuest, umlLine } from "./guests/UmlGuest.ts"
import { missing } from "./pages/Desk.ts"
import { type Typed, typedOn } from "./pages/Page.ts"

const buildDeb = fileURLToPath(new URL("../../scripts/build-deb.sh", import.meta.url))

const makePackage = Effect.flatMap(scratchDirectory(), (directory) =>
  Effect.map(succeed([buildDeb, directory], { timeoutMs: 30_000 }), (path) => path.trim()))

/** Everything there is in it that a package might leave behind. */
const inventory = (debian: Debian) =>
  debian.succeed(
    "find / -xdev -path /var/lib/dpkg -prune -o -path /var/log -prune -o -path /var/cache -prune"
    // The copies that the tools for users and groups keep of what was before.
    + " -o -path '/etc/*-' -prune -o -name .pwd.lock -prune -o -print | sort;"
    + " ls -d /run/vk* 2>/dev/null; getent passwd; getent group; systemctl list-unit-files --no-pager; ip -brief link"
  )

const socketPath = "/run/vknetd/vknet"

const ask = (debian: Debian) => askHost(debian.outside(socketPath))

describe.runIf(debianBoots)("the Debian package, in a clean Debian under systemd", () => {
  it.scopedLive("installs, serves, has no privileges, survives a crash, and leaves nothing when it is purged", () =>
    Effect.gen(function*() {
      const file = yield* makePackage
      const debian = yield* bootDebian([file])
      const before = yield* inventory(debian)
      yield* debian.succeed("dpkg --install /srv/vknetd_*.deb")
      assert.match(yield* debian.succeed("vknetd --version"), /^vknetd [0-9.]+\n$/)
      assert.strictEqual((yield* debian.run("systemctl is-active vknetd.service vknetd.socket")).status, 3)

      yield* debian.succeed("systemctl enable --now vknetd.service")
      assert.strictEqual(
        yield* debian.succeed("systemctl show --property StatusText --value vknetd.service"),
        `serving on ${socketPath}, tap0\n`
      )
      assert.strictEqual(
        yield* debian.succeed("stat -L -c '%A %U %G' /run/vknet; stat -c '%A %U %G' /run/vknetd"),
        "srw-rw---- root vknet\ndrwxrwxr-x vknetd vknetd\n"
      )
      const rights = yield* debian.succeed(
        "cat /proc/$(systemctl show --property MainPID --value vknetd.service)/task/*/status"
        + " | grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' | sort -u; id -u vknetd"
        + "; cat /proc/$(systemctl show --property MainPID --value vknetd.service)/task/*/status"
        + " | grep ^Uid: | sort -u | tr -s '\\t' ' ' | cut -d' ' -f2"
      )
      const uid = rights.trim().split("\n").at(-1)
      assert.strictEqual(
        rights,
        ["Amb", "Eff", "Inh", "Prm"].map((set) => `Cap${set}:\t0000000000000000\n`).join("")
          + `NoNewPrivs:\t1\n${uid}\n${uid}\n`
      )
      assert.strictEqual(yield* ask(debian), arpReply)
      // Root, and who is in the group, without saying where.
      const status = JSON.parse(yield* debian.succeed("vknetd status --json")) as Record<string, unknown>
      assert.strictEqual(status["socket"], socketPath)
      const ports = (group: string) => debian.run(`setpriv --reuid 12345 --regid ${group} --clear-groups vknetd ports`)
      assert.deepStrictEqual([(yield* ports("vknet")).status, (yield* ports("12345")).status], [0, 1])
      // Each line has the level that it was logged with, and says its time but once.
      const journal = yield* debian.succeed("journalctl --unit vknetd --output json --no-pager")
      const lines = journal.trim().split("\n").map((line) => JSON.parse(line) as Record<string, string>)
      const opened = lines.find((line) => line["MESSAGE"]?.startsWith("port opened "))
      assert.strictEqual(opened?.["PRIORITY"], "6")

      yield* debian.succeed("systemctl reload vknetd.service && systemctl is-active vknetd.service")
      yield* debian.succeed("systemctl kill --signal KILL vknetd.service")
      // Meanwhile systemd listens.
      assert.strictEqual(yield* ask(debian), arpReply)
      yield* debian.succeed("systemctl stop vknetd.service && ! ip link show tap0 2>/dev/null")
      assert.strictEqual(yield* ask(debian), arpReply)
      // Guests are served a moment before systemd has been told; this waits for the start that one of them caused.
      yield* debian.succeed("systemctl start vknetd.service && systemctl is-active vknetd.service")

      yield* debian.succeed("dpkg --purge vknetd")
      assert.strictEqual(yield* inventory(debian), before)
    }), 120_000)

  it.scopedLive.runIf(guestsRun)("lets a User-Mode Linux ping the host", () =>
    Effect.gen(function*() {
      const debian = yield* bootDebian([yield* makePackage])
      yield* debian.succeed("dpkg --install /srv/vknetd_*.deb && systemctl start vknetd.service")
      const initramfs = yield* buildInitramfs
      const line = umlLine(debian.outside(socketPath), "02:00:00:00:00:01")
      const guest = yield* startUmlGuest({ name: "ann", initramfs, line })
      yield* guest.succeed("ip address add 10.1.0.2/24 dev vec0; ip link set vec0 up")
      assertNoLoss(yield* guest.succeed(hundredPings("10.1.0.1")))
    }), 120_000)

  it.scopedLive("is started again when it could not start, until what was wrong is put right", () =>
    Effect.gen(function*() {
      const debian = yield* bootDebian([yield* makePackage])
      yield* debian.succeed("dpkg --install /srv/vknetd_*.deb; echo 'VKNETD_FLAGS=10.1.0.1/33' >/etc/default/vknetd")
      const { output, status } = yield* debian.run("systemctl start vknetd.service")
      assert.notStrictEqual(status, 0, output)
      const journal = yield* debian.succeed("journalctl --unit vknetd.service --output cat --no-pager")
      assert.include(journal, "vknetd: bad address 10.1.0.1/33: the bits must be 0 to 32\n")
      yield* debian.succeed("sed -i s/33/24/ /etc/default/vknetd")
      const follow = ["journalctl", "--unit", "vknetd.service", "--follow", "--output", "cat"]
      const logs = yield* startProcess(debian.words(...follow))
      yield* logs.waitUntil("serving", () => /^tap0$/m.exec(logs.stdout()) ?? undefined, 15_000)
      yield* until("served", () => logs.stdout().includes("privileges given up") || undefined)
      assert.strictEqual(yield* ask(debian), arpReply)
    }), 120_000)

  it.scopedLive("takes a changed settings file over, and refuses one that is not in order", () =>
    Effect.gen(function*() {
      const debian = yield* bootDebian([yield* makePackage])
      yield* debian.succeed(
        "dpkg --install /srv/vknetd_*.deb; cp /usr/share/doc/vknetd/examples/vknetd.toml /etc"
          + "; echo 'VKNETD_FLAGS=\"--config /etc/vknetd.toml\"' >/etc/default/vknetd; systemctl start vknetd.service"
      )
      yield* debian.succeed("sed -i 's/^#isolate.*/isolate = \"all\"/' /etc/vknetd.toml")
      yield* debian.succeed("systemctl reload vknetd.service")
      yield* debian.succeed("sed -i 's/^isolate.*/isolate = 3/' /etc/vknetd.toml")
      assert.notStrictEqual((yield* debian.run("systemctl reload vknetd.service")).status, 0)
      const journal = yield* debian.succeed("journalctl --unit vknetd.service --output cat --no-pager")
      assert.match(journal, /^took over a running switch /m)
      assert.match(journal, /^vknetd: \/etc\/vknetd.toml:[0-9]+: isolate: it must be a string, in quotes$/m)
      assert.notInclude(journal, "nothing is changed")
      assert.strictEqual(yield* debian.succeed("systemctl is-active vknetd.service"), "active\n")
    }), 120_000)

  it.scopedLive("is used as docs/service.md says", () =>
    Effect.gen(function*() {
      const typed = typedOn(fileURLToPath(new URL("../../docs/service.md", import.meta.url)))
      const debian = yield* bootDebian([yield* makePackage])
      const run = (lines: ReadonlyArray<Typed>) =>
        // What opens an editor is left to people; there is no network to fetch a package that is there from.
        Effect.forEach(lines.filter(({ command }) => !command.startsWith("editor ")), ({ command, expected }) =>
          Effect.map(debian.succeed(command.replace(/^apt-get install --yes/, "dpkg --install")), (output) =>
            assert.isUndefined(missing(output, expected), `${command}\n${output}`)))
      const commands = typed.filter(({ terminal }) => terminal === "debian")
      assert.isAbove(commands.length, 8)
      const purge = commands.findIndex(({ command }) => command.startsWith("apt-get purge"))
      const dump = commands.findIndex(({ command }) => command.includes("--signal USR2"))
      assert.isAbove(dump, 0)
      yield* debian.succeed("useradd ann")
      yield* run(commands.slice(0, dump + 1))
      // A signal is answered when the switch gets to it, which a restart at once might prevent.
      const journal = "journalctl --unit vknetd.service --output cat --no-pager"
      const look = `${journal} | grep '^state state="{' && exit`
      yield* debian.succeed(`for i in $(seq 60); do ${look}; sleep 0.1; done; ${journal}; exit 1`)
      yield* run(commands.slice(dump + 1, purge))
      assert.strictEqual(yield* ask(debian), arpReply)
      yield* debian.succeed("systemctl stop vknetd.socket vknetd.service")
      yield* run(typed.filter(({ terminal }) => terminal === "hand"))
      assert.strictEqual(yield* debian.succeed("stat -c %U /proc/$(cat /run/lab/pid)"), "nobody\n")
      yield* debian.succeed("kill $(cat /run/lab/pid); while test -e /run/lab/pid; do sleep 0.1; done")
      assert.strictEqual(yield* debian.succeed("ls /run/lab"), "log\n")
      yield* run(commands.slice(purge))
      assert.strictEqual((yield* debian.run("command -v vknetd")).status, 127)
    }), 120_000)
})
