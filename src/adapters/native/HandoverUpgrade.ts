import * as Effect from "effect/Effect"
import * as http from "node:http"
import type * as net from "node:net"
import type { Binding } from "./Binding.ts"

/*
 * How a connection to the control socket becomes one over which descriptors go: an upgrade, RFC 9110 section 7.8. Node
 * cannot send descriptors, so that from there on the addon has the connection, under a descriptor of its own.
 */

const protocol = "vknetd-takeover"
const path = "/takeover"

const switching = `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${protocol}\r\n\r\n`

/** The connection's descriptor, while Node has it. */
export const descriptorOf = (socket: net.Socket): number =>
  (socket as net.Socket & { readonly _handle?: { readonly fd: number } | null })._handle?.fd ?? -1

/** Takes a connection away from Node: a descriptor, or the negated errno. */
const detach = (addon: Binding, socket: net.Socket): number => {
  const fd = addon.duplicateFd(descriptorOf(socket))
  socket.destroy()
  return fd
}

const refusal = (status: string, message: string): string => {
  const body = JSON.stringify({ message })
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n`
  return `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const refuse = (socket: net.Socket, status: string, message: string): void => {
  socket.end(refusal(status, message))
}

const occupied = refusal(
  "503 Service Unavailable",
  "another process is taking it over (vknetd status tells which has it; try again)"
)

/**
 * Answers requests for upgrades.
 *
 * @param mayTakeOver by the credentials of the other end. @param accept takes the connection, or false: another has it.
 */
export const answerUpgrades = (
  addon: Binding,
  server: http.Server,
  options: {
    readonly mayTakeOver: (socket: net.Socket) => boolean
    readonly accept: (fd: number) => boolean
  }
): void => {
  server.on("upgrade", (request: http.IncomingMessage, stream) => {
    const socket = stream as net.Socket
    socket.on("error", () => {})
    if (request.url !== path || request.headers.upgrade !== protocol) {
      return refuse(socket, "404 Not Found", `there is no ${request.method} ${request.url}`)
    }
    if (!options.mayTakeOver(socket)) {
      return refuse(socket, "403 Forbidden", "only root and the user that the switch runs as may take it over")
    }
    const fd = detach(addon, socket)
    if (fd < 0) return
    // A word so short fits, and whoever has gone meanwhile is noticed later. Nothing else is said before it.
    const accepted = options.accept(fd)
    addon.handoverSend(fd, Buffer.from(accepted ? switching : occupied), [], 0)
    if (!accepted) addon.closeFd(fd)
  })
}

const explanations: Readonly<Record<string, string | undefined>> = {
  ENOENT: "no switch has been started there (leave --takeover out, or name its socket with -p)",
  ECONNREFUSED: "the switch that made this socket has ended (leave --takeover out)",
  EACCES: "EACCES (run as root, or as the user that the switch runs as)",
  ECONNRESET: "the process that has it just ends, or gives it to another (vknetd status tells; try again)",
  ENOTSOCK: "this is no socket (name the switch's with -p)",
  EPROTOTYPE: "this is another program's socket (name the switch's with -p)"
}

const answerMs = 5000

/**
 * Asks a running switch for a connection over which it can be taken over. Succeeds with its descriptor, fails with why
 * not.
 *
 * @param controlPath of its control socket. @param trusted users whose process the switch may be.
 */
export const connect = (
  addon: Binding,
  controlPath: string,
  trusted: ReadonlyArray<number>
): Effect.Effect<number, string> =>
  Effect.async((resume) => {
    const fail = (why: string) => resume(Effect.fail(why))
    const asked = http.request({
      socketPath: controlPath,
      path,
      headers: { connection: "Upgrade", upgrade: protocol },
      agent: false
    })
    asked.setTimeout(answerMs, () => asked.destroy(new Error("no answer (the switch is stuck)")))
    asked.on("error", ({ code = "", message }: NodeJS.ErrnoException) =>
      fail(explanations[code] ?? (code === "" ? message : code)))
    asked.on("response", (answer) => {
      let text = ""
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk.slice(0, 1024)))
      answer.on("end", () => fail(refusalIn(text) ?? `the switch does not know how (status ${answer.statusCode})`))
      answer.on("error", () => fail("no answer (the switch is stuck)"))
    })
    asked.on("upgrade", (_answer, stream) => {
      const fd = detach(addon, stream as net.Socket)
      if (fd < 0) return fail(addon.errnoName(-fd))
      const peer = addon.peerCredentials(fd, 0)
      if (typeof peer !== "number" && trusted.includes(peer[0])) return resume(Effect.succeed(fd))
      addon.closeFd(fd)
      fail("another user's process answers there (stop it, or name another socket with -p)")
    })
    asked.end()
  })

const refusalIn = (text: string): string | undefined => {
  try {
    const told: unknown = JSON.parse(text)
    const message = typeof told === "object" && told !== null && "message" in told ? told.message : undefined
    return typeof message === "string" ? message.split("\n")[0] : undefined
  } catch {
    return undefined
  }
}
