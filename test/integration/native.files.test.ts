import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { load, type NativeListener } from "../../src/adapters/native/Binding.ts"
import * as Child from "./native/NativeChild.ts"
import { errno } from "./native/TestExchange.ts"

const binding = load()
const isRoot = process.getuid!() === 0
/** A group that is not our own, where we may give files away. */
const gid = isRoot ? 12_345 : process.getgid!()

const inDirectory = async (test: (directory: string) => Promise<void> | void): Promise<void> => {
  const directory = fs.mkdtempSync(join(tmpdir(), "vknetd-files-"))
  try {
    await test(directory)
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
}

const listening = (path: string, mode = 0o660, group = -1): NativeListener => {
  const listener = binding.listen(path, group, mode, 16)
  if (typeof listener === "number") return assert.fail(binding.errnoName(-listener))
  return listener
}

/** A socket at the path on which nobody listens any more. */
const leaveStale = (path: string): number => {
  const { fd } = listening(path)
  const { ino } = fs.statSync(path)
  binding.closeFd(fd)
  return ino
}

const end = (path: string, { device, fd, inode }: NativeListener): void => {
  assert.strictEqual(binding.unlinkSocket(path, device, inode), 0)
  binding.closeFd(fd)
}

describe("the addon's listening socket", () => {
  it("probe tells what stands at a path and changes nothing", () =>
    inDirectory((directory) => {
      const at = (name: string) => join(directory, name)
      fs.writeFileSync(at("file"), "kept")
      fs.mkdirSync(at("folder"))
      fs.symlinkSync("file", at("link"))
      const live = listening(at("live"))
      const stale = leaveStale(at("stale"))
      assert.strictEqual(binding.probeSocket(at("nothing")), 0)
      assert.strictEqual(binding.probeSocket(at("stale")), 1)
      assert.strictEqual(binding.probeSocket(at("live")), -errno.EADDRINUSE)
      for (const name of ["file", "folder", "link"]) {
        assert.strictEqual(binding.probeSocket(at(name)), -errno.ENOTSOCK)
        assert.strictEqual(binding.listen(at(name), -1, 0o660, 16), -errno.ENOTSOCK)
      }
      assert.strictEqual(binding.probeSocket(at("no/such")), -errno.ENOENT)
      assert.strictEqual(binding.probeSocket(at("file/such")), -errno.ENOTDIR)
      assert.strictEqual(binding.probeSocket(""), -errno.ENOENT)
      assert.strictEqual(fs.readFileSync(at("file"), "utf8"), "kept")
      assert.strictEqual(fs.statSync(at("stale")).ino, stale)
      end(at("live"), live)
    }))

  it("the longest path is bound whole, one octet more is refused", () =>
    inDirectory((directory) => {
      const longest = join(directory, "s".repeat(107 - directory.length - 1))
      assert.strictEqual(longest.length, 107)
      end(longest, listening(longest))
      assert.strictEqual(binding.listen(`${longest}s`, -1, 0o660, 16), -errno.ENAMETOOLONG)
      assert.strictEqual(binding.probeSocket(`${longest}s`), -errno.ENAMETOOLONG)
      assert.strictEqual(binding.connect(`${longest}s`), -errno.ENAMETOOLONG)
    }))

  it("a live socket is never taken, a stale one is replaced", () =>
    inDirectory((directory) => {
      const path = join(directory, "socket")
      leaveStale(path)
      const listener = listening(path)
      assert.strictEqual(binding.listen(path, -1, 0o660, 16), -errno.EADDRINUSE)
      const guest = binding.connect(path)
      assert.isAtLeast(guest, 0)
      binding.closeFd(guest)
      end(path, listener)
    }))

  it("a socket whose backlog is full is live", () =>
    inDirectory((directory) => {
      const path = join(directory, "socket")
      const listener = binding.listen(path, -1, 0o600, 0)
      if (typeof listener === "number") return assert.fail(binding.errnoName(-listener))
      const guest = binding.connect(path)
      assert.strictEqual(binding.connect(path), -errno.EAGAIN)
      assert.strictEqual(binding.probeSocket(path), -errno.EADDRINUSE)
      binding.closeFd(guest)
      end(path, listener)
    }))

  it("a live socket of another type is live too", () =>
    inDirectory(async (directory) => {
      const path = join(directory, "stream")
      const { createServer } = await import("node:net")
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(path, resolve))
      assert.strictEqual(binding.probeSocket(path), -errno.EADDRINUSE)
      await new Promise((resolve) => server.close(resolve))
    }))

  it("unlink removes the node that listen made and no other", () =>
    inDirectory((directory) => {
      const path = join(directory, "socket")
      const first = listening(path)
      fs.renameSync(path, join(directory, "elsewhere"))
      const second = listening(path)
      end(path, first)
      assert.isTrue(fs.statSync(path).isSocket())
      end(path, second)
      assert.strictEqual(binding.probeSocket(path), 0)
      assert.strictEqual(binding.unlinkSocket(path, second.device, second.inode), 0)
    }))

  it("mode and group are those asked for, whatever the umask", () =>
    inDirectory((directory) => {
      const path = join(directory, "socket")
      for (const umask of [0, 0o022, 0o777]) {
        for (const mode of [0o660, 0o600, 0o666, 0]) {
          const before = process.umask(umask)
          const listener = listening(path, mode, gid)
          assert.strictEqual(process.umask(before), umask)
          const stat = fs.statSync(path)
          assert.strictEqual((stat.mode & 0o7777).toString(8), mode.toString(8))
          assert.strictEqual(stat.gid, gid)
          end(path, listener)
        }
      }
    }))

  it("at no moment is the mode laxer than asked, nor given before the group", () =>
    inDirectory(async (directory) => {
      const path = join(directory, "socket")
      const expected = ["0:", `660:${gid}`]
      const watcher = new Worker(
        `const { parentPort, workerData: { expected, path } } = require("node:worker_threads")
         const { statSync } = require("node:fs")
         const seen = {}
         const stateOf = (stat) => {
           if (stat === undefined) return ""
           const mode = stat.mode & 0o7777
           return mode.toString(8) + ":" + (mode === 0 ? "" : stat.gid)
         }
         const look = () => {
           for (let i = 0; i < 2000; i++) {
             const stat = statSync(path, { throwIfNoEntry: false })
             if (stat === undefined) continue
             const state = stateOf(stat)
             // The kernel reads the group before the mode, and what it is interrupted in between was so at no moment:
             // only what is twice the same is believed, once that it is strange.
             if (expected.includes(state) || state === stateOf(statSync(path, { throwIfNoEntry: false }))) {
               seen[state] = true
             }
           }
           setImmediate(look)
         }
         parentPort.on("message", () => { parentPort.postMessage(Object.keys(seen)); process.exit() })
         look()`,
        { eval: true, workerData: { path, expected } }
      )
      await new Promise((resolve) => watcher.once("online", resolve))
      const before = process.umask(0)
      const until = performance.now() + 700
      while (performance.now() < until) end(path, listening(path, 0o660, gid))
      process.umask(before)
      const seen = await new Promise<Array<string>>((resolve) => {
        watcher.once("message", resolve)
        watcher.postMessage("tell")
      })
      assert.include(seen, `660:${gid}`)
      assert.deepStrictEqual(seen.filter((state) => !expected.includes(state)), [])
    }))

  it("of several that start at once over a stale socket one listens and the others see it", () =>
    inDirectory(async (directory) => {
      const path = join(directory, "socket")
      const children = [1, 2, 3].map(() => Child.start())
      const listen = ({ binding }: Child.Tools, path: string) => {
        const listener = binding.listen(path, -1, 0o600, 16)
        return typeof listener === "number" ? listener : listener.fd
      }
      for (let round = 0; round < 20; round++) {
        if (round > 0) leaveStale(path)
        const results = await Promise.all(children.map((child) => child.evaluate(listen, path)))
        assert.deepStrictEqual(
          results.filter((result) => result < 0),
          [-errno.EADDRINUSE, -errno.EADDRINUSE],
          `round ${round}: ${results}`
        )
        const winner = results.findIndex((result) => result >= 0)
        await children[winner]!.evaluate(({ binding }, fd: number) => binding.closeFd(fd), results[winner]!)
        fs.unlinkSync(path)
      }
      await Promise.all(children.map((child) => child.kill()))
    }))
})

describe("the addon's pid file", () => {
  const hold = ({ binding }: Child.Tools, path: string) => {
    const held = binding.holdPidFile(path, process.pid)
    return [process.pid, held] as const
  }

  it("is written, locked, and says who holds it", () =>
    inDirectory((directory) =>
      Child.within([], async (child) => {
        const path = join(directory, "pid")
        assert.strictEqual(binding.probePidFile(path), 0)
        assert.isFalse(fs.statSync(path, { throwIfNoEntry: false }) !== undefined)
        fs.writeFileSync(path, "4711 and more\n")
        const [pid, held] = await child.evaluate(hold, path)
        assert.isNumber(held)
        assert.strictEqual(fs.readFileSync(path, "utf8"), `${pid}\n`)
        assert.deepStrictEqual(binding.holdPidFile(path, process.pid), [-errno.EWOULDBLOCK, pid])
        assert.deepStrictEqual(binding.probePidFile(path), [-errno.EWOULDBLOCK, pid])
        assert.strictEqual(fs.readFileSync(path, "utf8"), `${pid}\n`)
        await child.kill()
        assert.strictEqual(binding.probePidFile(path), 0)
        const ours = binding.holdPidFile(path, process.pid)
        assert.isNumber(ours)
        assert.strictEqual(fs.readFileSync(path, "utf8"), `${process.pid}\n`)
        assert.strictEqual(fs.statSync(path).mode & 0o777, 0o644)
        binding.closeFd(ours as number)
      })))

  it("a lock on a file that was removed holds nothing", () =>
    inDirectory((directory) =>
      Child.within([], async (child) => {
        const path = join(directory, "pid")
        await child.evaluate(hold, path)
        fs.unlinkSync(path)
        assert.strictEqual(binding.probePidFile(path), 0)
        const ours = binding.holdPidFile(path, process.pid)
        assert.isNumber(ours)
        assert.strictEqual(fs.readFileSync(path, "utf8"), `${process.pid}\n`)
        binding.closeFd(ours as number)
      })))

  it("of several that take it, leave it and remove it, one holds it at a time", () =>
    inDirectory(async (directory) => {
      const path = join(directory, "pid")
      const children = [1, 2, 3].map(() => Child.start())
      const told = await Promise.all(children.map((child) =>
        child.evaluate(({ binding }, path: string) => {
          let held = 0
          const wrong: Array<string> = []
          for (let i = 0; i < 3000 && held < 300; i++) {
            const fd = binding.holdPidFile(path, process.pid)
            if (typeof fd !== "number") continue
            held++
            const { readFileSync, unlinkSync } = process.getBuiltinModule("node:fs")
            try {
              const text = readFileSync(path, "utf8")
              if (text !== `${process.pid}\n`) wrong.push(text)
              unlinkSync(path)
            } catch (error) {
              wrong.push(String(error))
            }
            binding.closeFd(fd)
          }
          return { held, wrong }
        }, path)
      ))
      await Promise.all(children.map((child) => child.kill()))
      assert.isAbove(Math.min(...told.map(({ held }) => held)), 0)
      assert.deepStrictEqual(told.flatMap(({ wrong }) => wrong), [])
    }))

  it("what is no file is left alone", () =>
    inDirectory((directory) => {
      const at = (name: string) => join(directory, name)
      fs.mkdirSync(at("folder"))
      fs.writeFileSync(at("file"), "kept")
      fs.symlinkSync("file", at("link"))
      const refused = (path: string, code: number) => {
        assert.deepStrictEqual(binding.holdPidFile(path, process.pid), [-code, 0])
        assert.deepStrictEqual(binding.probePidFile(path), [-code, 0])
      }
      assert.deepStrictEqual(binding.holdPidFile(at("folder"), process.pid), [-errno.EISDIR, 0])
      refused(at("link"), errno.ELOOP)
      refused("/dev/null", errno.EINVAL)
      refused(at("no/such"), errno.ENOENT)
      assert.strictEqual(fs.readFileSync(at("file"), "utf8"), "kept")
    }))
})

describe("the addon's names", () => {
  it("a group by name, or ENOENT", () => {
    assert.strictEqual(binding.groupGid("root"), 0)
    assert.strictEqual(binding.groupGid("no-such-group-here"), -errno.ENOENT)
    assert.strictEqual(binding.groupGid(""), -errno.ENOENT)
  })

  it("every errno that the switch explains has its symbol", () => {
    for (const symbol of ["EPERM", "ENOENT", "EAGAIN", "EBUSY", "EPIPE", "EMFILE", "EADDRINUSE", "ENOTSOCK"] as const) {
      assert.strictEqual(binding.errnoName(errno[symbol]), symbol)
    }
    assert.strictEqual(binding.errnoName(65), "ENOPKG")
    assert.strictEqual(binding.errnoName(9999), "UNKNOWN")
  })

  it("misuse is a TypeError before anything is done", () => {
    const misused = binding as unknown as Record<string, (...args: ReadonlyArray<unknown>) => unknown>
    assert.throws(() => misused["openTap"]!(7), TypeError)
    assert.throws(() => misused["listen"]!("/tmp/a\0b", -1, 0o660, 16), TypeError)
    assert.throws(() => misused["listen"]!("/tmp/x", -1, 0o7777, 16), TypeError)
    assert.throws(() => misused["assignAddress"]!("tap0", -1, 0), TypeError)
    assert.throws(() => misused["assignAddress6"]!("tap0", new Uint8Array(15), 64), TypeError)
    assert.throws(() => misused["assignAddress6"]!("tap0", new Uint8Array(16), 129), TypeError)
    assert.throws(() => misused["assignAddress"]!("tap0", 0, 0), TypeError)
    assert.throws(() => misused["unassignAddress"]!("tap0", -1, 0), TypeError)
    assert.throws(() => misused["unassignAddress6"]!("tap0", new Uint8Array(15), 64), TypeError)
    assert.throws(() => misused["holdPidFile"]!("/tmp/x", 0.5), TypeError)
    assert.throws(() => misused["openExchange"]!({}, {}), TypeError)
  })
})
