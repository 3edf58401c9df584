import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import type * as http from "node:http"
import type * as net from "node:net"
import { Bounds } from "../../domain/Bounds.ts"
import { CallerCheck, ControlApi, metricsContentType } from "../../services/ControlApi.ts"
import { Forbidden } from "../../services/ErrorAnswers.ts"
import * as ControlHandlers from "../../services/ControlHandlers.ts"
import type { ControlTarget } from "../../services/ControlTarget.ts"
import type { PeerProcesses } from "../../services/PeerProcesses.ts"
import { Ownership } from "../../services/Ownership.ts"
import type { ListenError, SocketNode } from "../../services/SeqpacketListener.ts"
import type { ControlEnds, TcpEnd } from "../../services/HandoverSource.ts"
import { Addon } from "./Addon.ts"
import type { Binding } from "./Binding.ts"
import { answerUpgrades, descriptorOf } from "./HandoverUpgrade.ts"
import { close, guarded, listen, makeHandler, serve, type ServeError } from "./HttpListener.ts"
import { listenFailure } from "./NativeSeqpacketListener.ts"

/** What the kernel says about who is at the other end of a connection. */
interface Peer {
  readonly uid: number
  readonly member: boolean
}

/**
 * Answers the control channel on a socket beside the guests' one, until the scope ends. The socket is made as that
 * one is: at no moment can anybody outside its group connect.
 *
 * @param request.mode permission bits; the group's and the owner's count, others never get in.
 * @param request.accept takes a connection of a process that wants to take the switch over, or false.
 * @param request.inherited what another process listened on; it is gone on with, and nothing is made.
 */
export const open = (request: {
  readonly path: string
  readonly gid: number | undefined
  readonly mode: number
  readonly accept: (fd: number) => boolean
  readonly inherited: NonNullable<ControlEnds["control"]> | undefined
}): Effect.Effect<
  NonNullable<ControlEnds["control"]>,
  ListenError,
  Addon | Ownership | ControlTarget | PeerProcesses | Scope.Scope
> =>
  Effect.gen(function*() {
    const addon = yield* Addon
    const ownership = yield* Ownership
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
    return yield* Effect.acquireRelease(
      Effect.gen(function*() {
        const made = request.inherited ?? (yield* makeSocket(addon, request))
        const server = guarded(handler, endless)
        server.on("request", lasting)
        server.on("connection", admission(addon, fs.lstatSync(request.path).gid, peers))
        answerUpgrades(addon, server, {
          mayTakeOver: (socket) => isOwner(peers.get(socket)?.uid ?? -1),
          accept: request.accept
        })
        yield* listen(server, { fd: made.handle }).pipe(Effect.mapError((code) => {
          remove(addon, ownership, request.path, made.node)
          addon.closeFd(made.handle)
          return listenFailure(addon, request.path, 0, code)
        }))
        return { ...made, server }
      }),
      ({ node, server }) =>
        // While the descriptor is open, which the server closes, its inode number is no other file's.
        Effect.zipRight(Effect.sync(() => remove(addon, ownership, request.path, node)), close(server))
    )
  })

const makeSocket = (
  addon: Binding,
  { gid, mode, path }: { readonly path: string; readonly gid: number | undefined; readonly mode: number }
) =>
  Effect.suspend(() => {
    const made = addon.listenStream(path, gid ?? -1, mode & 0o770, Bounds.controlConnections)
    if (typeof made === "number") return listenFailure(addon, path, -made)
    return Effect.succeed({ handle: made.fd, node: { device: made.device, inode: made.inode } })
  })

const remove = (addon: Binding, ownership: { readonly held: boolean }, path: string, node: SocketNode): void => {
  if (ownership.held) addon.unlinkSocket(path, node.device, node.inode)
}

/** What is answered until who asked is gone: frames and samples. */
const endless = /^\/(capture|watch)(\?|$)/

/**
 * One who captures may stop reading for as long as he likes, and hear nothing while nothing is sent: a paused terminal
 * is no reason to end a capture, which is bounded in what it holds.
 */
const lasting = (request: http.IncomingMessage): void => {
  if (/^\/capture(\?|$)/.test(request.url ?? "")) request.socket.setTimeout(0)
}

const notFound = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) =>
  Effect.orDie(HttpServerResponse.json({ message: `there is no ${method} ${url}` }, { status: 404 })))

/** Looks who it is, and lets nobody but root and the switch's own user have more than a few connections. */
const admission = (addon: Binding, gid: number, peers: WeakMap<net.Socket, Peer>) => {
  const perUid = new Map<number, number>()
  let others = 0
  return (socket: net.Socket): void => {
    const fd = descriptorOf(socket)
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
 *
 * @param inherited a descriptor that listens there already.
 */
export const openMetrics = (
  address: { readonly host: string; readonly port: number },
  inherited: number | undefined
): Effect.Effect<TcpEnd, ServeError, ControlTarget | Scope.Scope> =>
  Effect.flatMap(makeHandler(metricsApp), (handler) => serve("metrics", address, { handler }, inherited))

const metricsApp = Effect.gen(function*() {
  const { method, url } = yield* HttpServerRequest.HttpServerRequest
  if (url.split("?")[0] !== "/metrics") return HttpServerResponse.text("see /metrics\n", { status: 404 })
  if (method !== "GET" && method !== "HEAD") {
    return HttpServerResponse.empty({ status: 405, headers: { allow: "GET, HEAD" } })
  }
  return HttpServerResponse.text(yield* ControlHandlers.metrics, { contentType: metricsContentType })
})
