import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads"
import { Bounds } from "../../domain/Bounds.ts"
import * as Ring from "../../domain/capture/CaptureRing.ts"
import * as Counters from "../../domain/Counters.ts"
import * as Forwarder from "../../services/Forwarder.ts"
import { answer } from "../../services/PlaneQuestion.ts"
import { load } from "./Binding.ts"
import * as Exchange from "./NativeFrameExchange.ts"
import type { PlaneAnswer, PlaneCommand, PlaneStart } from "./PlaneCommand.ts"

/*
 * The forwarding thread. It is blocked in native code whenever there is nothing to forward, so that it
 * runs no event loop: what it is told waits in its message port until a wake makes it look.
 */

const start = workerData as PlaneStart
const say = (answer: PlaneAnswer): void => parentPort!.postMessage(answer)

const exchange = Exchange.open(load(), {
  frameBytesMax: start.settings.frameBytesMax,
  portCount: start.settings.guestPorts + 1,
  listener: start.listener,
  trunkListener: start.trunkListener,
  wake: start.wake
})
const forwarder = Forwarder.make({
  exchange,
  settings: start.settings,
  counters: Counters.make(start.settings.guestPorts + 1, start.memory),
  notify: say,
  capture: {
    ring: Ring.make(start.settings.guestPorts + 1, Bounds.captureRingBytes, start.captured),
    dateMs: Date.now
  }
})

/** Does what it is told; false when that is to stop. */
const obey = (command: PlaneCommand): boolean => {
  switch (command.kind) {
    case "attach-tap":
      say({ kind: "done", errno: Forwarder.attachTap(forwarder, command.tap) })
      return true
    case "detach-tap":
      Forwarder.detachTap(forwarder)
      say({ kind: "done", errno: 0 })
      return true
    case "ask":
      say({ kind: "done", errno: 0, reply: answer(forwarder, command.question) })
      return true
    case "stop":
      return false
  }
}

// Before the first turn, which lets guests in: what they send first is for the host, too.
const errno = start.tap === undefined ? 0 : Forwarder.attachTap(forwarder, start.tap)
say({ kind: "started", errno })
let running = errno === 0
while (running) {
  Forwarder.turn(forwarder, -1)
  if (!forwarder.woken) continue
  forwarder.woken = false
  for (let next = receiveMessageOnPort(parentPort!); next !== undefined; next = receiveMessageOnPort(parentPort!)) {
    running = obey(next.message as PlaneCommand) && running
  }
}
exchange.shutdown()
