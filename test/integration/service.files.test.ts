import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { runWords, vknetd } from "./commandTranscript.ts"
import { scratchDirectory } from "./guests/Scratch.ts"
import { isThere } from "./hostProgram.ts"

const at = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))

const clean = { status: 0, stdout: "", stderr: "" }

/** Exposure that systemd may find in the unit, of 10. */
const exposureMax = 2.5

const systemd = describe.runIf(isThere("systemd-analyze"))

systemd("the units for systemd", () => {
  it.scopedLive(`expose no more than ${exposureMax}`, () =>
    Effect.gen(function*() {
      const words = ["systemd-analyze", "security", "--offline=true", "--no-pager", at("share/systemd/vknetd.service")]
      const { stdout } = yield* runWords(words)
      const exposure = Number(/Overall exposure level for vknetd\.service: ([0-9.]+)/.exec(stdout)?.[1])
      assert.isAtMost(exposure, exposureMax, stdout)
    }))

  it.scopedLive("are what systemd understands", () =>
    Effect.gen(function*() {
      const directory = yield* scratchDirectory()
      // Verified as it is but for the command, which is not installed here.
      const unit = fs.readFileSync(at("share/systemd/vknetd.service"), "utf8")
      fs.writeFileSync(`${directory}/vknetd.service`, unit.replaceAll("/usr/sbin/vknetd", at("bin/vknetd")))
      fs.copyFileSync(at("share/systemd/vknetd.socket"), `${directory}/vknetd.socket`)
      const units = ["vknetd.service", "vknetd.socket"].map((name) => `${directory}/${name}`)
      const words = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", ...units]
      assert.deepStrictEqual(yield* runWords(words), clean)
    }))

  it.scopedLive("give the switch a command line that it understands", () =>
    Effect.gen(function*() {
      const unit = fs.readFileSync(at("share/systemd/vknetd.service"), "utf8")
      const line = /^ExecStart=\/usr\/sbin\/vknetd (.*)$/m.exec(unit)![1]!
      const flags = /^VKNETD_FLAGS="(.*)"$/m.exec(fs.readFileSync(at("share/debian/default"), "utf8"))![1]!
      const argv = line.replace("$VKNETD_FLAGS", flags).split(" ")
      const { status, stderr } = yield* runWords([...vknetd, ...argv, "--version"])
      assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
    }))

  it.scopedLive.runIf(process.getuid?.() === 0)("come with users, groups and a directory that can be made", () =>
    Effect.gen(function*() {
      const root = yield* scratchDirectory()
      fs.mkdirSync(`${root}/etc`)
      yield* runWords(["systemd-sysusers", `--root=${root}`, at("share/systemd/vknetd.sysusers.conf")])
      const group = fs.readFileSync(`${root}/etc/group`, "utf8")
      assert.match(group, /^vknet:x:[0-9]+:$/m)
      const [, uid, gid] = /^vknetd:x:([0-9]+):([0-9]+):/m.exec(fs.readFileSync(`${root}/etc/passwd`, "utf8"))!
      assert.match(group, new RegExp(`^vknetd:x:${gid}:$`, "m"))
      yield* runWords(["systemd-tmpfiles", "--create", `--root=${root}`, at("share/systemd/vknetd.tmpfiles.conf")])
      const directory = fs.statSync(`${root}/run/vknetd`)
      assert.strictEqual(directory.mode & 0o7777, 0o775)
      assert.strictEqual(`${directory.uid}:${directory.gid}`, `${uid}:${gid}`)
    }))
})

describe.runIf(isThere("shellcheck"))("every shell script", () => {
  it.scopedLive("is clean", () =>
    Effect.gen(function*() {
      const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
        cwd: at("."),
        encoding: "utf8"
      }).trim().split("\n")
      const scripts = files.filter((file) =>
        fs.statSync(at(file), { throwIfNoEntry: false })?.isFile()
        && /^#!.*\b(?:ba|da|)sh\b/.test(fs.readFileSync(at(file), "latin1").split("\n", 1)[0]!)
      )
      assert.includeMembers(scripts, ["scripts/build-deb.sh", "share/rc.d/vknetd", "share/debian/postinst"])
      assert.deepStrictEqual(yield* runWords(["shellcheck", ...scripts.map(at)]), clean)
    }))
})

describe.runIf(isThere("mandoc"))("the manual", () => {
  it.scopedLive("is clean", () =>
    Effect.gen(function*() {
      const words = ["mandoc", "-T", "lint", "-W", "warning", at("share/man/vknetd.8")]
      assert.deepStrictEqual(yield* runWords(words), clean)
    }))
})
