import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { GroupDatabase } from "../../src/services/GroupDatabase.ts"
import { PidFile } from "../../src/services/PidFile.ts"
import { SeqpacketListener } from "../../src/services/SeqpacketListener.ts"

/*
 * What the ports that deal with files promise: the listener, the pid file, and the groups they are given to.
 * One text for the simulator and for the running kernel.
 */

type Ports = SeqpacketListener | PidFile | GroupDatabase

/** A directory of a test's own, and what somebody else can do there. */
export interface FilesWorld {
  readonly layer: Layer.Layer<Ports>
  readonly directory: string
  readonly pid: number
  /** Writes a regular file. */
  readonly write: (path: string, text: string) => void
  /** Text of a regular file; `"socket"` for a socket; undefined for nothing. */
  readonly read: (path: string) => string | undefined
  readonly remove: (path: string) => void
  /** Leaves a socket behind on which nobody listens. */
  readonly leaveStale: (path: string) => void
  /** Whether a guest could connect. */
  readonly connects: (path: string) => boolean
  readonly close: () => void
}

type Run<R> = (world: FilesWorld, path: (name: string) => string) => Effect.Effect<void, unknown, R>

/** States the promises about worlds that `make` makes, one for each test. */
export const filesContract = (name: string, make: () => FilesWorld): void => {
  const promise = (title: string, run: Run<Ports>) =>
    it.effect(title, () =>
      Effect.acquireUseRelease(
        Effect.sync(make),
        (world) => Effect.provide(run(world, (file) => `${world.directory}/${file}`), world.layer),
        (world) => Effect.sync(world.close)
      ))
  describe(`${name}: listening`, () => listening(promise))
  describe(`${name}: the pid file`, () => pidFile(promise))
  describe(`${name}: groups`, () => groups(promise))
}

type PromiseOf = (title: string, run: Run<Ports>) => void

const open = (path: string) =>
  Effect.flatMap(SeqpacketListener, ({ listen }) => listen({ path, gid: undefined, mode: 0o600, backlog: 16 }))

const probe = (path: string) => Effect.flatMap(SeqpacketListener, (listener) => listener.probe(path))

/** The code that probing and listening fail with, which is the same. */
const refusalOf = (path: string) =>
  Effect.gen(function*() {
    const probed = yield* Effect.flip(probe(path))
    const opened = yield* Effect.flip(Effect.scoped(open(path)))
    assert.strictEqual(probed.code, opened.code)
    return opened.code
  })

const listening = (promise: PromiseOf): void => {
  promise("guests can connect while the scope lasts, and nothing is left afterwards", (world, path) =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const listener = yield* open(path("s"))
        assert.strictEqual(listener.path, path("s"))
        assert.strictEqual(world.read(path("s")), "socket")
        assert.isTrue(world.connects(path("s")))
      }))
      assert.isUndefined(world.read(path("s")))
      assert.isFalse(world.connects(path("s")))
    }))

  promise("probing changes nothing", (world, path) =>
    Effect.gen(function*() {
      yield* probe(path("s"))
      assert.isUndefined(world.read(path("s")))
      world.leaveStale(path("s"))
      yield* probe(path("s"))
      assert.strictEqual(world.read(path("s")), "socket")
    }))

  promise("a socket on which somebody listens is never taken", (world, path) =>
    Effect.scoped(Effect.gen(function*() {
      yield* open(path("s"))
      assert.strictEqual(yield* refusalOf(path("s")), "IN_USE")
      assert.isTrue(world.connects(path("s")))
    })))

  promise("a socket on which nobody listens is replaced", (world, path) =>
    Effect.scoped(Effect.gen(function*() {
      world.leaveStale(path("s"))
      assert.isFalse(world.connects(path("s")))
      yield* open(path("s"))
      assert.isTrue(world.connects(path("s")))
    })))

  promise("what is no socket is left alone", (world, path) =>
    Effect.gen(function*() {
      world.write(path("s"), "precious")
      assert.strictEqual(yield* refusalOf(path("s")), "NOT_A_SOCKET")
      assert.strictEqual(world.read(path("s")), "precious")
      assert.strictEqual(yield* refusalOf(world.directory), "NOT_A_SOCKET")
    }))

  promise("what somebody has put in the socket's place since is left alone at the end", (world, path) =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* open(path("s"))
        world.remove(path("s"))
        world.write(path("s"), "theirs")
      }))
      assert.strictEqual(world.read(path("s")), "theirs")
    }))

  promise("a path that is too long, a directory that is missing and one that is none are told apart", (world, path) =>
    Effect.gen(function*() {
      world.write(path("file"), "")
      assert.strictEqual(yield* refusalOf(path("x".repeat(120))), "TOO_LONG")
      assert.strictEqual(yield* refusalOf(path("missing/s")), "ENOENT")
      assert.strictEqual(yield* refusalOf(path("file/s")), "ENOTDIR")
    }))
}

const hold = (path: string) => Effect.flatMap(PidFile, (pidFile) => pidFile.hold(path))

const pidFile = (promise: PromiseOf): void => {
  promise("holds our pid while the scope lasts, and is gone afterwards", (world, path) =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* hold(path("pid"))
        assert.strictEqual(world.read(path("pid"))?.trim(), `${world.pid}`)
      }))
      assert.isUndefined(world.read(path("pid")))
    }))

  promise("one that is locked is left alone, and who holds it is told", (world, path) =>
    Effect.scoped(Effect.gen(function*() {
      yield* hold(path("pid"))
      const { probe } = yield* PidFile
      for (const failing of [probe(path("pid")), Effect.scoped(hold(path("pid")))]) {
        const { code, pid } = yield* Effect.flip(failing)
        assert.deepStrictEqual([code, pid], ["HELD", world.pid])
      }
      assert.strictEqual(world.read(path("pid"))?.trim(), `${world.pid}`)
    })))

  promise("one that was left behind is no obstacle; probing changes nothing", (world, path) =>
    Effect.gen(function*() {
      const { probe } = yield* PidFile
      yield* probe(path("pid"))
      assert.isUndefined(world.read(path("pid")))
      world.write(path("pid"), "99999999, and more that is longer than a pid\n")
      yield* probe(path("pid"))
      assert.include(world.read(path("pid")), "longer")
      yield* Effect.scoped(Effect.gen(function*() {
        yield* hold(path("pid"))
        assert.strictEqual(world.read(path("pid"))?.trim(), `${world.pid}`)
      }))
    }))

  promise("a directory that is missing and one in its place are told apart", (world, path) =>
    Effect.gen(function*() {
      const codes = yield* Effect.forEach([path("missing/pid"), world.directory], (at) =>
        Effect.map(Effect.flip(Effect.scoped(hold(at))), ({ code }) => code))
      assert.deepStrictEqual(codes, ["ENOENT", "EISDIR"])
    }))
}

const groups = (promise: PromiseOf): void => {
  promise("a number is itself; a name that nobody has is refused with the command that makes the group", () =>
    Effect.gen(function*() {
      const { gid } = yield* GroupDatabase
      assert.strictEqual(yield* gid("4321"), 4321)
      const missing = yield* Effect.flip(gid("no-such-group"))
      assert.strictEqual(missing.groupName, "no-such-group")
      assert.match(missing.remedy, /groupadd.* no-such-group/)
    }))
}
