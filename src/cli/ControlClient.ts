import * as http from "node:http"
import * as net from "node:net"
import { type Fitting, fitting, record, type Shape, text } from "../services/Shape.ts"

// The asking side of the control channel: Node's own HTTP client and the answers' shapes, nothing else, for a command
// that is run every second has to start at once.

/** Why the command cannot do what it was asked to. The message is one line. */
export class ControlError extends Error {}

/** A switch answers within a fraction of a second, or it is not one. */
const answerMs = 10_000

/** No answer of a switch is as long. */
const answerBytesMax = 64 << 20

const tooMany = "too many ask at once (try again)"

const explanations: Readonly<Record<string, string | undefined>> = {
  ENOENT: "no switch has been started there (name its socket with -p)",
  ECONNREFUSED: "the switch that made this socket has ended (start it again)",
  ECONNRESET: tooMany,
  EPIPE: tooMany,
  EACCES: "EACCES (become root, or a member of the socket's group)",
  ENOTSOCK: "this is no socket (name the switch's with -p)",
  EPROTOTYPE: "this is another program's socket (name the switch's with -p)"
}

const unreachable = (socket: string, cause: NodeJS.ErrnoException): ControlError => {
  const code = cause.code ?? cause.message
  return new ControlError(`cannot ask ${socket}: ${explanations[code] ?? code}`)
}

/** How long a question that has been cut off waits until it is asked again. */
const againMs = 50

const cutOff: ReadonlyArray<string | undefined> = ["ECONNRESET", "EPIPE"]

/**
 * Rejects with a `ControlError`. What only asks is asked once more if it is cut off: a process that has just handed its
 * switch over may have taken the connection, and ends.
 */
const send = async (
  socket: string,
  method: string,
  path: string,
  body: string | undefined
): Promise<http.IncomingMessage> => {
  const attempt = () => sendOnce(socket, method, path, body)
  const asked = method !== "GET" ? attempt() : attempt().catch(async (cause: NodeJS.ErrnoException) => {
    if (!cutOff.includes(cause.code)) throw cause
    await new Promise((resolve) => setTimeout(resolve, againMs))
    return attempt()
  })
  return asked.catch((cause: NodeJS.ErrnoException) => {
    throw unreachable(socket, cause)
  })
}

/** Rejects with what Node says. */
const sendOnce = (
  socket: string,
  method: string,
  path: string,
  body: string | undefined
): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    try {
      const headers = body === undefined ? {} : { "content-type": "application/json" }
      // A connection of our own: an agent would first find out whether a path is an IP address.
      const request = http.request({ createConnection: () => net.connect(socket), method, path, headers }, resolve)
      request.setTimeout(answerMs, () => request.destroy(new Error("no answer (the switch is stuck)")))
      request.on("error", reject)
      request.end(body)
    } catch (cause) {
      // A path that cannot be a socket's.
      reject(cause)
    }
  })

const textOf = async (answer: http.IncomingMessage): Promise<string> => {
  let text = ""
  answer.setEncoding("utf8")
  for await (const chunk of answer) {
    text += chunk as string
    if (text.length > answerBytesMax) throw new ControlError("the answer is too long: this is no switch")
  }
  return text
}

/** What a switch says when it refuses: one line. */
const refusalShape = record({ message: text })

const refusal = async (answer: http.IncomingMessage): Promise<ControlError> => {
  const told = read(refusalShape, await textOf(answer))
  if (told !== undefined) return new ControlError(told.message.split("\n")[0]!)
  if (answer.statusCode === 503) return new ControlError(tooMany)
  return new ControlError(`the switch does not know this question (status ${answer.statusCode}; is it an older one?)`)
}

/** Asks and decodes. Rejects with a `ControlError`. @param socket the control channel's. */
export const ask = async <S extends Shape>(
  socket: string,
  method: "GET" | "POST" | "PUT",
  path: string,
  shape: S,
  payload?: unknown
): Promise<Fitting<S>> => {
  const answer = await send(socket, method, path, payload === undefined ? undefined : JSON.stringify(payload))
  if (answer.statusCode !== 200) throw await refusal(answer)
  return decode(shape, await textOf(answer))
}

/** Asks for octets that come as long as there are any, maybe none for hours. Rejects like {@link ask}. */
export const stream = async (socket: string, path: string): Promise<http.IncomingMessage> => {
  const answer = await send(socket, "GET", path, undefined)
  if (answer.statusCode !== 200) throw await refusal(answer)
  answer.socket.setTimeout(0)
  return answer
}

const decode = <S extends Shape>(shape: S, answer: string): Fitting<S> => {
  const decoded = read(shape, answer)
  if (decoded !== undefined) return decoded
  throw new ControlError("the answer is not understood (are switch and command of the same version?)")
}

/** Undefined if it is no JSON, or does not fit. */
const read = <S extends Shape>(shape: S, answer: string): Fitting<S> | undefined => {
  let value: unknown
  try {
    value = JSON.parse(answer)
  } catch {
    return undefined
  }
  return fitting(shape, value)
}

/** Asks for lines and calls back for each until the switch ends or `signal` does. Rejects like {@link ask}. */
export const follow = async <S extends Shape>(
  socket: string,
  path: string,
  shape: S,
  signal: AbortSignal,
  visit: (line: Fitting<S>) => void
): Promise<void> => {
  const answer = await send(socket, "GET", path, undefined)
  if (answer.statusCode !== 200) throw await refusal(answer)
  signal.addEventListener("abort", () => answer.destroy(), { once: true })
  answer.setEncoding("utf8")
  let rest = ""
  try {
    for await (const chunk of answer) {
      const lines = (rest + (chunk as string)).split("\n")
      rest = lines.pop()!
      if (rest.length > answerBytesMax) throw new ControlError("the answer is too long: this is no switch")
      for (const line of lines) visit(decode(shape, line))
    }
  } catch (cause) {
    if (signal.aborted) return
    throw cause instanceof ControlError ? cause : new ControlError("the switch has ended")
  }
  if (!signal.aborted) throw new ControlError("the switch has ended")
}
