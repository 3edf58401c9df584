import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as http from "node:http"
import type * as net from "node:net"
import { Bounds } from "../../domain/Bounds.ts"
import { CallerCheck, ControlApi, metricsContentType } from "../../services/ControlApi.ts"
import { Forbidden } from "../../services/ControlError.ts"
import * as ControlHandlers from "../../services/ControlHandlers.ts"
import type { ControlTarget } from "../../services/ControlTarget.ts"
import type { PeerProcesses } from "../../services/PeerProcesses.ts"
import type { ListenError } from "../../services/SeqpacketListener.ts"
import { Addon } from "./Addon.ts"
import type { Binding } from "./Binding.ts"
import * as RequestDeadline from "./RequestDeadline.ts"
import { listenFailure } from "./NativeSeqpacketListener.ts"

/** The metrics cannot be served there. */
export class MetricsError extends Data.TaggedError("MetricsError")<{
  readonly host: string
  readonly port: number
  /** errno symbol. */
  readonly code: string
}> {
  override get message(): string {
    const remedy = this.code === "EADDRINUSE" ? " (another program listens there; name another port)" : ""
    return `cannot serve metrics on ${this.host}:${this.port}: ${this.code}${remedy}`
  }
}

/** What the kernel says about who is at the other end of a connection. */
interface Peer {
  readonly uid: number
  readonly member: boolean
}

/** A reader that takes nothing for so long is let go. */
const silenceMs = 15_000

/** No client can keep a connection without asking, ask slowly, or ask much. */
const guarded = (listener: http.RequestListener): http.Server => {
  const server = http.createServer(
    {
      connectionsCheckingInterval: RequestDeadline.connectionsCheckingInterval,
      keepAliveTimeout: 5000,
      maxHeaderSize: 8192
    },
    listener
  )
  RequestDeadline.bound(server)
  server.maxConnections = Bounds.controlConnections
  server.timeout = silenceMs
  return server
}

/**
 * Answers the control channel on a socket beside the guests' one, until the scope ends. The socket is made as that
 * one is: at no moment can anybody outside its group connect.
 *
 * @param request.mode permission bits; the group's and the owner's count, others never get in.
 */
export const open = (request: {
  readonly path: string
  readonly gid: number | undefined
  readonly mode: number
}): Effect.Effect<void, ListenError, Addon | ControlTarget | PeerProcesses | Scope.Scope> =>
  Effect.gen(function*() {
    const addon = yield* Addon
    const peers = new WeakMap<net.Socket, Peer>()
    const api = HttpApiBuilder.api(ControlApi).pipe(
      Layer.provide(ControlHandlers.layer),
      Layer.provide(Layer.succeed(CallerCheck, callerCheck(peers)))
    )
    const routers = Layer.mergeAll(HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer, HttpServer.layerContext)
    const context = yield* Layer.build(Layer.merge(api, routers))
    // By its type the application never fails; all the same it does when nothing is at the path.
    const app = Effect.catchAll(Effect.flatten(HttpApiBuilder.httpApp), () => notFound)
    const handler = yield* makeHandler(Effect.provide(app, context))
    yield* Effect.acquireRelease(
      Effect.gen(function*() {
        const mode = request.mode & 0o770
        const made = addon.listenStream(request.path, request.gid ?? -1, mode, Bounds.controlConnections)
        if (typeof made === "number") return yield* listenFailure(addon, request.path, -made)
        const server = guarded(handler)
        server.on("connection", admission(addon, fs.lstatSync(request.path).gid, peers))
        yield* listen(server, { fd: made.fd }).pipe(Effect.mapError((code) => {
          addon.unlinkSocket(request.path, made.device, made.inode)
          addon.closeFd(made.fd)
          return listenFailure(addon, request.path, 0, code)
        }))
        return { ...made, server }
      }),
      ({ device, inode, server }) =>
        // While the descriptor is open, which the server closes, its inode number is no other file's.
        Effect.zipRight(Effect.sync(() => addon.unlinkSocket(request.path, device, inode)), close(server))
    )
  })

const notFound = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) =>
  Effect.orDie(HttpServerResponse.json({ message: `there is no ${method} ${url}` }, { status: 404 })))

/** Looks who it is, and lets nobody but root and the switch's own user have more than a few connections. */
const admission = (addon: Binding, gid: number, peers: WeakMap<net.Socket, Peer>) => {
  const perUid = new Map<number, number>()
  let others = 0
  return (socket: net.Socket): void => {
    const fd = (socket as net.Socket & { readonly _handle?: { readonly fd: number } })._handle?.fd ?? -1
    const credentials = fd < 0 ? -1 : addon.peerCredentials(fd, gid)
    if (typeof credentials === "number") {
      socket.destroy()
      return
    }
    const [uid, member] = credentials
    peers.set(socket, { uid, member: member === 1 })
    if (isOwner(uid)) return
    const held = perUid.get(uid) ?? 0
    if (
      held >= Bounds.controlConnectionsPerUid || others >= Bounds.controlConnections - Bounds.controlConnectionsPerUid
    ) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
      socket.destroySoon()
      return
    }
    perUid.set(uid, held + 1)
    others++
    socket.once("close", () => {
      others--
      const left = perUid.get(uid)! - 1
      if (left === 0) perUid.delete(uid)
      else perUid.set(uid, left)
    })
  }
}

/** Root, and the user that the switch runs as now. */
const isOwner = (uid: number): boolean => uid === 0 || uid === process.geteuid?.()

const callerCheck = (peers: WeakMap<net.Socket, Peer>) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const peer = peers.get(NodeHttpServerRequest.toIncomingMessage(request).socket)
    if (peer !== undefined && isOwner(peer.uid)) return Effect.succeed({ uid: peer.uid, mayChange: true })
    return peer?.member === true
      ? Effect.succeed({ uid: peer.uid, mayChange: false })
      : Effect.fail(new Forbidden({ message: "only root and the members of the socket's group may ask" }))
  })

/**
 * Serves the metrics, and nothing else, to everybody who reaches the address.
 *
 * Succeeds with the port: the given one, or the one that the kernel chose for 0.
 */
export const openMetrics = (
  address: { readonly host: string; readonly port: number }
): Effect.Effect<number, MetricsError, ControlTarget | Scope.Scope> =>
  Effect.gen(function*() {
    const handler = yield* makeHandler(metricsApp)
    const server = guarded(handler)
    yield* Effect.acquireRelease(
      Effect.mapError(listen(server, address), (code) => new MetricsError({ ...address, code })),
      () => close(server)
    )
    return (server.address() as net.AddressInfo).port
  })

const metricsApp = Effect.gen(function*() {
  const { method, url } = yield* HttpServerRequest.HttpServerRequest
  if (url.split("?")[0] !== "/metrics") return HttpServerResponse.text("see /metrics\n", { status: 404 })
  if (method !== "GET" && method !== "HEAD") return HttpServerResponse.empty({ status: 405 })
  return HttpServerResponse.text(yield* ControlHandlers.metrics, { contentType: metricsContentType })
})

const makeHandler = <E, R>(app: HttpApp.Default<E, R>) =>
  NodeHttpServer.makeHandler(
    HttpIncomingMessage.withMaxBodySize(app, Option.some(Bounds.controlRequestBytes))
  )

/** Fails with an errno symbol. */
const listen = (
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
const close = (server: http.Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
