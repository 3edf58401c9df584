import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { Bounds } from "../../domain/Bounds.ts"
import { CallerCheck, ControlApi } from "../../services/ControlApi.ts"
import * as ControlHandlers from "../../services/ControlHandlers.ts"
import type { ControlTarget } from "../../services/ControlTarget.ts"
import * as LookFeed from "../../services/LookFeed.ts"
import type { PeerProcesses } from "../../services/PeerProcesses.ts"
import type { TcpEnd } from "../../services/HandoverSource.ts"
import { makeHandler, serve, type ServeError } from "../native/HttpListener.ts"
import * as WebGuard from "./WebGuard.ts"

/** Where the page is served, and to whom. */
export interface WebRequest {
  /** Port 0 lets the kernel choose. */
  readonly address: { readonly host: string; readonly port: number }
  /** Only this machine reaches the address. */
  readonly isLoopback: boolean
  /** Undefined: to whoever reaches it. */
  readonly token: string | undefined
}

/** The files that are the page, beside this bundle, by what they are asked for as. */
const files = {
  "/": { name: "page.html", contentType: "text/html; charset=utf-8" },
  "/page.css": { name: "page.css", contentType: "text/css; charset=utf-8" },
  "/page.js": { name: "page.js", contentType: "text/javascript; charset=utf-8" },
  "/page.svg": { name: "page.svg", contentType: "image/svg+xml" }
} as const

/** What can be asked of the control channel here, too: all that only looks, and ends. */
const questions: ReadonlySet<string> = new Set(["/status", "/ports", "/stations", "/drops", "/moves", "/metrics"])

/** What is answered until who looks is gone. */
const endless = /^\/looks(\?|$)/

const stationMatchCharactersMax = 17

/**
 * Serves the page, what it is told, and the questions of the control channel, until the scope ends.
 *
 * Succeeds with the port: the given one, or the one that the kernel chose for 0.
 *
 * @param inherited a descriptor that listens there already.
 */
export const openWeb = (
  request: WebRequest,
  inherited: number | undefined
): Effect.Effect<TcpEnd, ServeError, ControlTarget | PeerProcesses | Scope.Scope> =>
  Effect.gen(function*() {
    const assets = new Map(
      Object.entries(files).map(([path, { contentType, name }]) =>
        [path, { contentType, bytes: fs.readFileSync(new URL(name, import.meta.url)) }] as const
      )
    )
    const ask = yield* questionsApp
    const look = yield* looksApp
    // Which hosts there are depends on the port, which the kernel may choose.
    let guard: WebGuard.WebGuard = { hosts: new Set(), authorization: undefined }
    const app = Effect.gen(function*() {
      const asked = yield* HttpServerRequest.HttpServerRequest
      const objection = WebGuard.object(guard, asked)
      if (objection !== undefined) return refuse(objection)
      const [path = "", query = ""] = asked.url.split("?", 2)
      const asset = assets.get(path)
      if (asset !== undefined) return HttpServerResponse.uint8Array(asset.bytes, { contentType: asset.contentType })
      const unknown = WebGuard.objectToReader(guard, asked)
      if (unknown !== undefined) return refuse(unknown)
      if (questions.has(path)) return yield* ask
      return yield* look(path, new URLSearchParams(query))
    })
    const handler = yield* makeHandler(Effect.map(app, HttpServerResponse.setHeaders(WebGuard.answerHeaders)))
    const served = yield* serve("the page", request.address, { handler, endless }, inherited)
    const { address: { host }, isLoopback, token } = request
    guard = WebGuard.make({ host, port: served.port, isLoopback, token })
    return served
  })

const refuse = ({ message, status }: { readonly message: string; readonly status: number }) =>
  HttpServerResponse.text(`${message}\n`, { status, ...(status === 405 ? { headers: { allow: "GET, HEAD" } } : {}) })

/** The control channel's own answers, for somebody who may change nothing. */
const questionsApp = Effect.gen(function*() {
  const nobody = Layer.succeed(CallerCheck, Effect.succeed({ uid: -1, mayChange: false }))
  const api = HttpApiBuilder.api(ControlApi).pipe(Layer.provide(ControlHandlers.layer), Layer.provide(nobody))
  const routers = Layer.mergeAll(HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer, HttpServer.layerContext)
  const context = yield* Layer.build(Layer.merge(api, routers))
  return Effect.provide(Effect.flatten(HttpApiBuilder.httpApp), context).pipe(
    Effect.catchAll(() => Effect.succeed(refuse({ status: 404, message: "there is no such thing" })))
  )
})

/** What is made for the page: `/looks`, and `/looks/stations?match=`. */
const looksApp = Effect.gen(function*() {
  const feed = yield* LookFeed.make
  let viewers = 0
  const viewer = Stream.acquireRelease(
    Effect.sync(() => viewers++),
    () => Effect.sync(() => viewers--)
  )
  // Events as in the HTML standard, section 9.2: a reader that joins in the middle knows where the next one begins.
  const events = Stream.flatMap(viewer, () => feed.looks).pipe(
    Stream.map((look) => `data: ${JSON.stringify(look)}\n\n`),
    Stream.encodeText
  )
  return (path: string, words: URLSearchParams) =>
    Effect.gen(function*() {
      switch (path) {
        case "/looks":
          return viewers < Bounds.webViewers
            ? HttpServerResponse.stream(events, { contentType: "text/event-stream" })
            : refuse({ status: 503, message: `${Bounds.webViewers} look already` })
        case "/looks/stations": {
          const match = (words.get("match") ?? "").trim().toLowerCase().slice(0, stationMatchCharactersMax)
          return HttpServerResponse.unsafeJson(yield* feed.stations(match))
        }
        default:
          return refuse({ status: 404, message: "there is no such thing" })
      }
    })
})
