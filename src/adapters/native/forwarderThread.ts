import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads"
import { Bounds } from "../../domain/Bounds.ts"
import * as Ring from "../../domain/capture/CaptureRing.ts"
import * as Counters from "../../domain/Counters.ts"
import * as Forwarder from "../../services/Forwarder.ts"
import { Entrance } from "../../services/FrameExchange.ts"
import { answer } from "../../services/PlaneQuestion.ts"
import * as PlaneState from "../../services/PlaneState.ts"
import * as PortLife from "../../services/PortLife.ts"
import { load } from "./Binding.ts"
import * as LoadGate from "./LoadGate.ts"
import * as Exchange from "./NativeFrameExchange.ts"
import type { PlaneAnswer, PlaneCommand } from "./PlaneCommand.ts"

/*
 * The forwarding thread. Once it has begun it is blocked in native code whenever there is nothing to forward, so that
 * it runs no event loop: what it is told waits in its message port until a wake makes it look.
 */

const port = parentPort!
const binding = LoadGate.pass(workerData as LoadGate.LoadGate, load)
const say = (answer: PlaneAnswer): void => port.postMessage(answer)

const run = ({ captured, heard, memory, settings, wake }: Extract<PlaneCommand, { kind: "begin" }>): void => {
  const exchange = Exchange.open(binding, {
    frameBytesMax: settings.frameBytesMax,
    portCount: settings.guestPorts + 1,
    listener: -1,
    trunkListener: -1,
    wake
  })
  const forwarder = Forwarder.make({
    exchange,
    settings,
    counters: Counters.make(settings.guestPorts + 1, memory),
    notify: say,
    heard,
    capture: { ring: Ring.make(settings.guestPorts + 1, Bounds.captureRingBytes, captured), dateMs: Date.now }
  })
  let rests = true
  say({ kind: "done", errno: 0 })

  const obey = (command: PlaneCommand): boolean => {
    switch (command.kind) {
      case "attach-tap":
        say({ kind: "done", errno: PortLife.attachTap(forwarder, command.tap) })
        return true
      case "detach-tap":
        PortLife.detachTap(forwarder)
        say({ kind: "done", errno: 0 })
        return true
      case "ask":
        say({ kind: "done", errno: 0, reply: answer(forwarder, command.question) })
        return true
      case "copy":
        say({ kind: "done", errno: 0, copies: command.ports.map((port) => copyOf(exchange, port)) })
        return true
      case "rest":
        rests = true
        say({ kind: "done", errno: 0, estate: PlaneState.leave(forwarder, exchange) })
        return true
      case "resume":
        rests = false
        exchange.restTap(false)
        say({ kind: "done", errno: 0 })
        return true
      case "serve": {
        const served = serve(exchange, forwarder, command)
        rests = served.errno !== 0 || command.inherited !== undefined
        say({ kind: "done", ...served })
        return true
      }
      case "begin":
      case "stop":
        return command.kind === "begin"
    }
  }

  let running = true
  while (running) {
    if (rests) exchange.park()
    else Forwarder.turn(forwarder, -1)
    if (!rests && !forwarder.woken) continue
    forwarder.woken = false
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      running = obey(next.message as PlaneCommand) && running
    }
  }
  // What was received is not kept from whom it is for.
  exchange.send()
  exchange.shutdown()
}

const serve = (
  exchange: Exchange.NativeFrameExchange,
  forwarder: Forwarder.Forwarder,
  { inherited, listener, tap, trunkListener }: Extract<PlaneCommand, { kind: "serve" }>
): { readonly errno: number; readonly ofTap: boolean } => {
  let errno = exchange.listen(Entrance.Guests, listener)
  if (errno === 0 && trunkListener >= 0) errno = exchange.listen(Entrance.Trunks, trunkListener)
  if (errno === 0 && inherited !== undefined) {
    errno = PlaneState.give(forwarder, inherited.state, inherited.handles)
  }
  if (errno !== 0 || tap === undefined) return { errno, ofTap: false }
  return { errno: PortLife.attachTap(forwarder, tap), ofTap: true }
}

/** Another descriptor of a port's connection, or negative. */
const copyOf = (exchange: Exchange.NativeFrameExchange, port: number): number => {
  const fd = exchange.handleOf(port)
  return fd < 0 ? fd : binding.duplicateFd(fd)
}

// Until it has something to do it waits as any program of Node's does.
port.once("message", (command: PlaneCommand) => {
  if (command.kind === "begin") run(command)
})
