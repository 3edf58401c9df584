import type * as http from "node:http"
import type * as net from "node:net"

/** For how long a connection may take to ask, at first or again. */
const askMs = 5000

/** For Node's option of that name: never, for it is done here. */
export const connectionsCheckingInterval = 2 ** 31 - 1

/**
 * Lets go of connections that do not ask, or ask slowly. Node's own way looks at all connections each second, whether
 * there are any or not; this has a timer a connection, and a server that nobody asks never wakes up.
 *
 * Gives what is to be told of each request.
 */
export const bound = (server: http.Server): http.RequestListener => {
  const deadlines = new WeakMap<net.Socket, NodeJS.Timeout>()
  const expectRequest = (socket: net.Socket): void => {
    clearTimeout(deadlines.get(socket))
    deadlines.set(socket, setTimeout(() => socket.destroy(), askMs))
  }
  server.on("connection", (socket) => {
    expectRequest(socket)
    socket.once("close", () => clearTimeout(deadlines.get(socket)))
  })
  return ({ method, socket }, response) => {
    // What has a body has not been asked until that is there.
    if (method === "GET" || method === "HEAD") clearTimeout(deadlines.get(socket))
    response.once("finish", () => {
      if (!socket.destroyed) expectRequest(socket)
    })
  }
}
