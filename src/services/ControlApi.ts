import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import { Crowded, Forbidden, NotThere, Unanswered, Unfit } from "./ErrorAnswers.ts"
import * as Control from "./ControlSchema.ts"

/** Who asks, by the credentials that the kernel gives of the other end. */
export class Caller extends Context.Tag("vknetd/Caller")<Caller, {
  readonly uid: number
  /** Root, and the user that the switch runs as. */
  readonly mayChange: boolean
}>() {}

/** Lets in root, the user that the switch runs as, and the members of the socket's group. */
export class CallerCheck extends HttpApiMiddleware.Tag<CallerCheck>()("vknetd/CallerCheck", {
  failure: Forbidden,
  provides: Caller
}) {}

const port = HttpApiSchema.param("port", Schema.NumberFromString)
const action = HttpApiSchema.param("action", Control.PortAction)
const capture = HttpApiSchema.param("capture", Schema.NumberFromString)
const key = HttpApiSchema.param("key", Schema.String)

/** As Prometheus asks for it. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8"

/** One sample a line. */
export const watchContentType = "application/x-ndjson"

/** Frames as they pass, in the format of capture files. */
export const captureContentType = "application/x-pcapng"

const interval = Schema.NumberFromString.pipe(
  Schema.between(Control.watchIntervalMs.least, Control.watchIntervalMs.most)
)

const group = HttpApiGroup.make("control", { topLevel: true })
  .add(HttpApiEndpoint.get("status", "/status").addSuccess(Control.Status))
  .add(HttpApiEndpoint.get("ports", "/ports").addSuccess(Control.Ports))
  .add(HttpApiEndpoint.get("stations", "/stations").addSuccess(Control.Stations).addError(Unanswered))
  .add(HttpApiEndpoint.get("drops", "/drops").addSuccess(Control.Drops))
  .add(HttpApiEndpoint.get("moves", "/moves").addSuccess(Control.Moves).addError(Unanswered))
  .add(HttpApiEndpoint.get("metrics", "/metrics").addSuccess(HttpApiSchema.Text({ contentType: metricsContentType })))
  .add(
    HttpApiEndpoint.get("watch", "/watch")
      .setUrlParams(Schema.Struct({ intervalMs: Schema.optional(interval) }))
      .addSuccess(HttpApiSchema.Text({ contentType: watchContentType }))
  )
  .add(
    HttpApiEndpoint.get("capture", "/capture")
      .setUrlParams(Control.CaptureQuestion)
      .addSuccess(HttpApiSchema.Uint8Array({ contentType: captureContentType }))
      .addError(Crowded)
      .addError(Forbidden)
      .addError(Unfit)
  )
  .add(
    HttpApiEndpoint.post("endCapture")`/captures/${capture}/end`
      .addSuccess(Control.CaptureEnd)
      .addError(NotThere)
  )
  .add(
    HttpApiEndpoint.post("changePort")`/ports/${port}/${action}`
      .addSuccess(Control.PortChange)
      .addError(Forbidden)
      .addError(NotThere)
      .addError(Unanswered)
  )
  .add(
    HttpApiEndpoint.put("changeSetting")`/settings/${key}`
      .setPayload(Schema.Struct({ value: Schema.String }))
      .addSuccess(Control.Setting)
      .addError(Forbidden)
      .addError(NotThere)
      .addError(Unfit)
      .addError(Unanswered)
  )
  .middleware(CallerCheck)

/** The control channel: everything that can be asked of a running switch, and told to it. */
export class ControlApi extends HttpApi.make("vknetd").add(group) {}
