import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import type * as net from "node:net"
import { Bounds } from "../../domain/Bounds.ts"
import * as FileLimit from "../../services/FileLimit.ts"
import type { TcpEnd } from "../../services/HandoverSource.ts"
import * as RequestDeadline from "./RequestDeadline.ts"
import * as RequestTurn from "./RequestTurn.ts"

/** Something cannot be served over TCP at that address. */
export class ServeError extends Data.TaggedError("ServeError")<{
  readonly what: "metrics" | "the page"
  readonly host: string
  readonly port: number
  /** errno symbol. */
  readonly code: string
}> {
  override get message(): string {
    const host = this.host.includes(":") ? `[${this.host}]` : this.host
    return `cannot serve ${this.what} on ${host}:${this.port}: ${this.code}${remedyFor(this.code)}`
  }
}

const remedyFor = (code: string): string => {
  switch (code) {
    case "EADDRINUSE":
      return " (another program listens there; name another port)"
    case "EADDRNOTAVAIL":
      return " (this machine has no such address; name one of its own)"
    default:
      return FileLimit.remedyFor(code)
  }
}

/** A reader that takes nothing for so long is let go. */
const silenceMs = 15_000

/**
 * No client can keep a connection without asking, ask slowly, ask much, or ask again before it has its answer. One that
 * says it asks no more, as `nc -N` does, is answered all the same; where the answer has no end, that is its end.
 *
 * @param endless what is asked for by such requests; nothing, if left out.
 */
export const guarded = (listener: http.RequestListener, endless = /^$/): http.Server => {
  const server = http.createServer({
    connectionsCheckingInterval: RequestDeadline.connectionsCheckingInterval,
    keepAliveTimeout: 5000,
    maxHeaderSize: 8192,
    // Such a request is one like any other: Node's own answer to it would be a way past the turn.
    requireHostHeader: false
  })
  // Node has no option for it, and no type.
  Object.assign(server, { httpAllowHalfOpen: true })
  const deadline = RequestDeadline.bound(server)
  const inTurn = RequestTurn.oneAtATime((request, response) => {
    deadline(request, response)
    if (endless.test(request.url ?? "")) endWithInput(request, response)
    listener(request, response)
  })
  server.on("request", inTurn)
  server.on("checkExpectation", inTurn)
  server.maxConnections = Bounds.controlConnections
  server.timeout = silenceMs
  return server
}

/** Where nothing is written for a while, only the end of what it says tells that a client has gone. */
const endWithInput: http.RequestListener = ({ socket }, response) => {
  const end = () => socket.destroy()
  socket.once("end", end)
  response.once("close", () => socket.off("end", end))
}

/**
 * Serves over TCP until the scope ends.
 *
 * Succeeds with the port: the given one, or the one that the kernel chose for 0.
 *
 * @param inherited a descriptor that listens there already.
 */
export const serve = (
  what: ServeError["what"],
  address: { readonly host: string; readonly port: number },
  { endless, handler }: { readonly handler: http.RequestListener; readonly endless?: RegExp },
  inherited: number | undefined
): Effect.Effect<TcpEnd, ServeError, Scope.Scope> =>
  Effect.gen(function*() {
    const server = guarded(handler, endless)
    yield* Effect.acquireRelease(
      Effect.mapError(
        listen(server, inherited === undefined ? address : { fd: inherited }),
        (code) => new ServeError({ what, ...address, code })
      ),
      () => close(server)
    )
    const { port } = server.address() as net.AddressInfo
    return { handle: descriptorOf(server), host: address.host, port }
  })

const descriptorOf = (server: http.Server): number =>
  (server as http.Server & { readonly _handle: { readonly fd: number } })._handle.fd

/** The application as Node calls it; nobody can make it read much. */
export const makeHandler = <E, R>(app: HttpApp.Default<E, R>) =>
  NodeHttpServer.makeHandler(
    HttpIncomingMessage.withMaxBodySize(app, Option.some(Bounds.controlRequestBytes))
  )

/** Fails with an errno symbol. */
export const listen = (
  server: http.Server,
  where: { readonly fd: number } | { readonly host: string; readonly port: number }
): Effect.Effect<void, string> =>
  Effect.async((resume) => {
    server.once("error", (cause: NodeJS.ErrnoException) => resume(Effect.fail(cause.code ?? cause.message)))
    server.listen(where, () => {
      server.removeAllListeners("error")
      server.on("error", () => {})
      resume(Effect.void)
    })
  })

/** Waits for no client. */
export const close = (server: http.Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
