import { parentPort, workerData } from "node:worker_threads"
import { Bounds } from "../../domain/Bounds.ts"
import * as Batch from "../../domain/FrameBatch.ts"
import type { Ipv6Prefix } from "../../domain/Ipv6Prefix.ts"
import type { MacAddress } from "../../domain/MacAddress.ts"
import type { Prefix } from "../../domain/Prefix.ts"
import * as Plan from "../../domain/SendPlan.ts"
import { EVENT_WIDTH, EventField, EventKind } from "../../services/FrameExchange.ts"
import { load } from "../native/Binding.ts"
import * as Exchange from "../native/NativeFrameExchange.ts"
import * as SimHost from "./SimHost.ts"

/** What the simulated host's thread is given. */
export interface HostStart {
  readonly mac: MacAddress
  readonly prefix: Prefix
  readonly ipv6: Ipv6Prefix | undefined
  /** The far end of the socket pair that stands for the tap. */
  readonly descriptor: number
  readonly wake: number
}

/*
 * The simulated host: what arrives over the socket pair that stands for a tap, it answers. Answers are put into the
 * slots that the exchange does not receive into. Those that the switch does not take are lost, as on a wire.
 */

const PORT = 1
const start = workerData as HostStart
const host = SimHost.make({ mac: start.mac, prefix: start.prefix, ipv6: start.ipv6 })
const exchange = Exchange.open(load(), {
  frameBytesMax: Bounds.frameBytesMax,
  portCount: PORT + 1,
  listener: -1,
  wake: start.wake
})
const { batch, events, plan } = exchange

const answer = (): void => {
  plan.count = 0
  let slot: number = Bounds.batchFrames
  for (let i = 0; i < batch.count; i++) {
    for (const octets of host.answer(Batch.frame(batch, i), exchange.nowMs)) {
      if (slot >= batch.slotCount) return
      batch.bytes.set(octets, slot * batch.slotBytes)
      batch.size[slot] = octets.length
      Plan.add(plan, slot++, PORT, octets.length)
    }
  }
}

const isEnding = (): boolean => {
  for (let i = 0; i < events.count; i++) {
    const kind = events.rows[i * EVENT_WIDTH + EventField.kind]
    if (kind === EventKind.Wake || kind === EventKind.Hangup) return true
  }
  return false
}

exchange.admit(start.descriptor, PORT)
parentPort!.postMessage("started")
do {
  exchange.step(-1)
  answer()
} while (!isEnding())
exchange.shutdown()
