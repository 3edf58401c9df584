import type * as http from "node:http"
import type * as net from "node:net"

/**
 * Lets a connection ask one thing at a time. Node makes requests of all that has come, some two thousand of 64 KB, and
 * would begin to answer each at once; no client of ours, no browser and no Prometheus sends one before it has the
 * answer to the last. A connection that does is closed, without an answer.
 *
 * What asks with a body has its turn when its head is there.
 */
export const oneAtATime = (listener: http.RequestListener): http.RequestListener => {
  const asking = new WeakSet<net.Socket>()
  return (request, response) => {
    const { socket } = request
    if (socket.destroyed) return
    if (asking.has(socket)) {
      socket.destroy()
      return
    }
    asking.add(socket)
    response.once("close", () => asking.delete(socket))
    listener(request, response)
  }
}
