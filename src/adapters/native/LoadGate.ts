/*
 * Node ends its threads when the process ends, and one that is just registering the addon then takes the process down
 * with it, abort(3) and a stack trace: no call of Node's succeeds any more, and the addon cannot go on without. So the
 * thread tells in shared memory that it loads, and whoever ends the process waits for that.
 */

/** One number: how far the thread is. */
export type LoadGate = Int32Array<SharedArrayBuffer>

const AHEAD = 0
const LOADING = 1
const LOADED = 2
const CLOSED = 3

/** Loading takes some milliseconds; what takes so long is stuck. */
const waitMs = 2000

export const make = (): LoadGate => new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

/** In the thread: loads. Throws, having done nothing, if the process is about to end. */
export const pass = <A>(gate: LoadGate, load: () => A): A => {
  if (Atomics.compareExchange(gate, 0, AHEAD, LOADING) !== AHEAD) throw new Error("the process ends")
  try {
    return load()
  } finally {
    Atomics.store(gate, 0, LOADED)
    Atomics.notify(gate, 0)
  }
}

/** At the end of the process: nothing is loaded when it returns, nor afterwards. */
export const close = (gate: LoadGate): void => {
  if (Atomics.compareExchange(gate, 0, AHEAD, CLOSED) === LOADING) Atomics.wait(gate, 0, LOADING, waitMs)
}
