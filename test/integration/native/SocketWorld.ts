import { assert } from "@effect/vitest"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load } from "../../../src/adapters/native/Binding.ts"
import { EventKind } from "../../../src/services/FrameExchange.ts"
import * as Exchange from "./TestExchange.ts"

export const binding = load()

/** Descriptors of this process. */
export const descriptorCount = (): number => readdirSync("/proc/self/fd").length

/** A listening exchange in a directory of its own, to which guests connect. */
export interface SocketWorld {
  readonly path: string
  readonly listener: number
  readonly hub: Exchange.TestExchange
  /** Connects a guest and admits it as that port; the guest's descriptor. */
  readonly guest: (port: number) => number
  /** Connects a guest with an exchange of its own, whose port 1 is the connection. */
  readonly reader: (port: number) => Exchange.TestExchange
  /** To be closed with the world, unless closed before. */
  readonly keep: (fd: number) => number
  readonly close: (fd: number) => void
}

/** Runs a test in a world and takes it down. */
export const within = (
  options: Parameters<typeof Exchange.open>[1],
  test: (world: SocketWorld) => void
): void => {
  const directory = mkdtempSync(join(tmpdir(), "vknetd-native-"))
  const path = join(directory, "socket")
  const listener = binding.listen(path, -1, 0o600, 1024)
  if (typeof listener === "number") throw new Error(`listen: ${binding.errnoName(-listener)}`)
  const hub = Exchange.open(binding, { ...options, listener: listener.fd })
  const descriptors = new Set<number>()
  const exchanges = [hub]
  const keep = (fd: number) => {
    assert.isAtLeast(fd, 0, binding.errnoName(-fd))
    descriptors.add(fd)
    return fd
  }
  const connected = (port: number): number => {
    const fd = binding.connect(path)
    assert.isAtLeast(fd, 0, binding.errnoName(-fd))
    const connect = hub.step(1000).events.find(({ kind }) => kind === EventKind.Connect)
    assert.isDefined(connect)
    assert.strictEqual(hub.native.admit(connect!.value, port), 0)
    return fd
  }
  try {
    test({
      path,
      listener: listener.fd,
      hub,
      guest: (port) => keep(connected(port)),
      reader: (port) => {
        const exchange = Exchange.open(binding, { sendBufferBytes: 1 << 20 })
        exchanges.push(exchange)
        assert.strictEqual(exchange.native.admit(connected(port), 1), 0)
        return exchange
      },
      keep,
      close: (fd) => {
        descriptors.delete(fd)
        binding.closeFd(fd)
      }
    })
  } finally {
    exchanges.forEach(({ native }) => native.shutdown())
    descriptors.forEach((fd) => binding.closeFd(fd))
    binding.unlinkSocket(path, listener.device, listener.inode)
    binding.closeFd(listener.fd)
    rmSync(directory, { recursive: true })
  }
}
