import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load } from "../../src/adapters/native/Binding.ts"
import * as Exchange from "../../src/adapters/native/NativeFrameExchange.ts"
import * as Batch from "../../src/domain/FrameBatch.ts"
import * as Mac from "../../src/domain/MacAddress.ts"
import { Entrance } from "../../src/services/FrameExchange.ts"
import { exchangeContract } from "./exchange.contract.ts"
import type { ContractPeer, ContractTap } from "./ExchangeUnderTest.ts"
import { privilegesMissing } from "./guests/GuestPackages.ts"

const colons = (octets: Uint8Array): string => Mac.format(Mac.fromOctets(octets))

/*
 * The contract on the running kernel. The guests' ends are ports of a second exchange, each paused except
 * while its guest receives, so that a guest that does not read fills up.
 */

const PEERS_MAX = 256
const binding = load()

const failed = (call: string, result: number) => new Error(`${call}: ${binding.errnoName(-result)}`)

exchangeContract("the exchange of the running kernel", ({ frameBytesMax, portCount }) => {
  const directory = mkdtempSync(join(tmpdir(), "vknetd-contract-"))
  const path = join(directory, "socket")
  const listener = binding.listen(path, -1, 0o600, 1024)
  if (typeof listener === "number") throw failed("listen", listener)
  const trunkPath = join(directory, "trunk")
  const trunks = binding.listen(trunkPath, -1, 0o600, 1024)
  if (typeof trunks === "number") throw failed("listen", trunks)
  const entrances = { listener: listener.fd, trunkListener: trunks.fd }
  const exchange = Exchange.open(binding, { portCount, frameBytesMax, ...entrances, wake: -1 })
  const far = Exchange.open(binding, { portCount: PEERS_MAX, frameBytesMax: 2048, listener: -1, wake: -1 })
  let peers = 0
  const taps: Array<number> = []
  /** Names of taps that are in one. */
  const bridges = new Set<string>()

  const ip = (...words: ReadonlyArray<string>) => void execFileSync("ip", ["link", ...words])

  const removeBridge = (name: string) => {
    if (bridges.delete(name)) ip("del", `${name}b`)
  }

  /** By a name that nobody else uses, and never brought up: nobody notices it. */
  const openTap = (): ContractTap => {
    const open = (name: string) => {
      const tap = binding.openTap(name, true)
      if (typeof tap === "number") throw failed("openTap", tap)
      return tap
    }
    const name = `vkc${process.pid}`
    const { fd, mac, mtu } = open(name)
    taps.push(fd)
    let queue = 100
    return {
      handle: fd,
      mac,
      mtuBytes: mtu,
      change: ({ mac, mtuBytes }) => {
        if (mac !== undefined) ip("set", name, "address", colons(mac))
        if (mtuBytes !== undefined) ip("set", name, "mtu", String(mtuBytes))
      },
      bridge: (mac) => {
        if (mac === undefined) return removeBridge(name)
        if (!bridges.has(name)) {
          ip("add", `${name}b`, "type", "bridge")
          bridges.add(name)
          ip("set", name, "master", `${name}b`)
        }
        ip("set", `${name}b`, "address", colons(mac))
      },
      disturb: () => {
        // Two messages about another, and one about it.
        binding.closeFd(open(`${name}x`).fd)
        ip("set", name, "txqueuelen", String(queue++))
      }
    }
  }

  const connect = (entrance: number): ContractPeer => {
    const fd = binding.connect(entrance === Entrance.Trunks ? trunkPath : path)
    if (fd < 0) throw failed("connect", fd)
    const port = ++peers
    if (far.admit(fd, port) !== 0) throw new Error("the guest's end cannot be polled")
    far.pause(port)
    const waiting: Array<Uint8Array> = []
    return {
      send: (frame) => {
        const sent = binding.sendPacket(fd, frame)
        if (sent >= 0) return "sent"
        return binding.errnoName(-sent) === "EAGAIN" ? "full" : "gone"
      },
      receive: () => {
        if (waiting.length === 0) {
          far.resume(port)
          far.step(0)
          far.pause(port)
          for (let slot = 0; slot < far.batch.count; slot++) waiting.push(Batch.frame(far.batch, slot).slice())
        }
        return waiting.shift()
      },
      close: () => far.close(port)
    }
  }
  return {
    exchange,
    connect,
    openTap,
    settle: () => {},
    pass: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
    close: () => {
      exchange.shutdown()
      far.shutdown()
      for (const name of [...bridges]) removeBridge(name)
      for (const fd of taps) binding.closeFd(fd)
      binding.unlinkSocket(path, listener.device, listener.inode)
      binding.closeFd(listener.fd)
      binding.unlinkSocket(trunkPath, trunks.device, trunks.inode)
      binding.closeFd(trunks.fd)
      rmSync(directory, { recursive: true })
    }
  }
}, privilegesMissing().length === 0)
