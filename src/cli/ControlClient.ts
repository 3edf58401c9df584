import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as http from "node:http"

// The asking side of the control channel: Node's own HTTP client and the schema, nothing else, for a command that is
// run every second has to start at once.

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

const send = (socket: string, method: string, path: string, body: string | undefined): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(unreachable(socket, cause))
    try {
      const headers = body === undefined ? {} : { "content-type": "application/json" }
      const request = http.request({ socketPath: socket, method, path, headers, agent: false }, resolve)
      request.setTimeout(answerMs, () => request.destroy(new Error("no answer (the switch is stuck)")))
      request.on("error", fail)
      request.end(body)
    } catch (cause) {
      // A path that cannot be a socket's.
      fail(cause as NodeJS.ErrnoException)
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
const Refusal = Schema.parseJson(Schema.Struct({ message: Schema.String }))

const refusal = async (answer: http.IncomingMessage): Promise<ControlError> => {
  const text = await textOf(answer)
  const told = ParseResult.decodeUnknownEither(Refusal)(text)
  if (told._tag === "Right") return new ControlError(told.right.message.split("\n")[0]!)
  if (answer.statusCode === 503) return new ControlError(tooMany)
  return new ControlError(`the switch does not know this question (status ${answer.statusCode}; is it an older one?)`)
}

/** Asks and decodes. Rejects with a `ControlError`. @param socket the control channel's. */
export const ask = async <A, I>(
  socket: string,
  method: "GET" | "POST" | "PUT",
  path: string,
  schema: Schema.Schema<A, I>,
  payload?: unknown
): Promise<A> => {
  const answer = await send(socket, method, path, payload === undefined ? undefined : JSON.stringify(payload))
  if (answer.statusCode !== 200) throw await refusal(answer)
  return decode(schema, await textOf(answer))
}

/** Asks for octets that come as long as there are any, maybe none for hours. Rejects like {@link ask}. */
export const stream = async (socket: string, path: string): Promise<http.IncomingMessage> => {
  const answer = await send(socket, "GET", path, undefined)
  if (answer.statusCode !== 200) throw await refusal(answer)
  answer.socket.setTimeout(0)
  return answer
}

const decode = <A, I>(schema: Schema.Schema<A, I>, text: string): A => {
  const decoded = ParseResult.decodeUnknownEither(Schema.parseJson(schema))(text)
  if (decoded._tag === "Right") return decoded.right
  throw new ControlError("the answer is not understood (are switch and command of the same version?)")
}

/** Asks for lines and calls back for each until the switch ends or `signal` does. Rejects like {@link ask}. */
export const follow = async <A, I>(
  socket: string,
  path: string,
  schema: Schema.Schema<A, I>,
  signal: AbortSignal,
  visit: (line: A) => void
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
      for (const line of lines) visit(decode(schema, line))
    }
  } catch (cause) {
    if (signal.aborted) return
    throw cause instanceof ControlError ? cause : new ControlError("the switch has ended")
  }
  if (!signal.aborted) throw new ControlError("the switch has ended")
}
