import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as NativePeerProcesses from "../../src/adapters/native/NativePeerProcesses.ts"
import { binding } from "./native/SocketWorld.ts"

/** Asks for this process as for a guest's, and counts how often it was read when the host booted. */
const make = () => {
  const reads: Array<string> = []
  const processes = NativePeerProcesses.make(binding, () => {
    reads.push("stat")
    return `cpu 1 2 3\nbtime ${1_700_000_000 + reads.length}\nprocesses 4\n`
  })
  return { startedMs: () => processes.find(process.pid)?.startedMs, reads }
}

describe.runIf(process.platform === "linux")("who is at the other end", () => {
  afterEach(() => void vi.restoreAllMocks())

  it("is told with when it began, and the host is asked once when it booted", () => {
    const { reads, startedMs } = make()
    const first = startedMs()
    assert.isAbove(first!, 1_700_000_001_000)
    for (let i = 0; i < 5; i++) assert.strictEqual(startedMs(), first)
    assert.strictEqual(reads.length, 1)
  })

  it("is told by the time of day that is, when that has been set meanwhile", () => {
    const { reads, startedMs } = make()
    const first = startedMs()!
    const now = Date.now
    vi.spyOn(Date, "now").mockImplementation(() => now() + 60_000)
    assert.strictEqual(startedMs(), first + 1000)
    assert.strictEqual(startedMs(), first + 1000)
    assert.strictEqual(reads.length, 2)
  })

  it("is told without when it began where that cannot be read, which is tried once", () => {
    let reads = 0
    const processes = NativePeerProcesses.make(binding, () => {
      reads++
      throw new Error("no such file")
    })
    for (let i = 0; i < 3; i++) assert.isUndefined(processes.find(process.pid)!.startedMs)
    assert.strictEqual(reads, 1)
  })
})
