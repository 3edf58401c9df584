import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load } from "../../src/adapters/native/Binding.ts"
import { Bounds } from "../../src/domain/Bounds.ts"
import { EventKind } from "../../src/services/FrameExchange.ts"
import * as Child from "./native/NativeChild.ts"
import * as Exchange from "./native/TestExchange.ts"

/*
 * An exchange that stays awake for answers, against a guest in another process that gives them. Whether it does is for
 * processors to decide that tests share; what must hold is the same either way.
 */

const binding = load()

/** A guest that answers so many frames, each so many milliseconds after it has come. */
const answerer = (
  { binding, exchange }: Child.Tools,
  { frames, path, pauseMs }: { readonly path: string; readonly frames: number; readonly pauseMs: number }
): number => {
  const guest = exchange(-1)
  guest.native.admit(binding.connect(path), 1)
  const clock = new Int32Array(new SharedArrayBuffer(4))
  let answered = 0
  while (answered < frames) {
    for (const { octets } of guest.step(20)) {
      if (pauseMs > 0) Atomics.wait(clock, 0, 0, pauseMs)
      guest.send(octets, 1)
      answered++
    }
  }
  return answered
}

/** Asks a guest in another process, one frame after the other; the numbers in its answers, and what it took. */
const ask = async (frames: number, pauseMs: number) => {
  const directory = mkdtempSync(join(tmpdir(), "vknetd-native-"))
  const path = join(directory, "socket")
  const listener = binding.listen(path, -1, 0o600, 16)
  if (typeof listener === "number") throw new Error(`listen: ${binding.errnoName(-listener)}`)
  const hub = Exchange.open(binding, { listener: listener.fd })
  try {
    return await Child.within([], async (child) => {
      const answered = child.evaluate(answerer, { path, frames, pauseMs })
      // What is to be written to the child is written by this thread, when it rests.
      await new Promise((resolve) => setTimeout(resolve, 1))
      const connect = hub.step(10_000).events.find(({ kind }) => kind === EventKind.Connect)
      assert.isDefined(connect)
      assert.strictEqual(hub.native.admit(connect!.value, 1), 0)
      const numbers: Array<number> = []
      const began = { atMs: performance.now(), usage: process.cpuUsage() }
      for (let i = 0; i < frames; i++) {
        hub.put(Bounds.batchFrames, Exchange.numbered(i))
        numbers.push(...hub.ask(Bounds.batchFrames, 1).frames.map(Exchange.numberOf))
      }
      const { system, user } = process.cpuUsage(began.usage)
      const tookMs = performance.now() - began.atMs
      assert.strictEqual(await answered, frames)
      return { numbers, tookMs, busyMs: (system + user) / 1000 }
    })
  } finally {
    hub.native.shutdown()
    binding.unlinkSocket(path, listener.device, listener.inode)
    binding.closeFd(listener.fd)
    rmSync(directory, { recursive: true })
  }
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

describe("an exchange that stays awake for answers", () => {
  it("gets each of 2,000 answers that come at once, in order", async () => {
    const { numbers } = await ask(2_000, 0)
    assert.deepStrictEqual(numbers, range(2_000))
  }, 60_000)

  it("sleeps where answers take long", async () => {
    const { busyMs, numbers, tookMs } = await ask(200, 5)
    assert.deepStrictEqual(numbers, range(200))
    assert.isAbove(tookMs, 1000)
    assert.isBelow(busyMs, tookMs / 2)
  }, 60_000)
})
