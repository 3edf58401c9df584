/**
 * One counter an edge of the instrumented code, which adds to it by number.
 *
 * `Instrument.mjs` gives the numbers and says how many there are. Code that was not
 * instrumented leaves all of them at zero.
 */
export const hits = new Uint16Array(16_384)

/** The same counters in pairs: most are zero, and are passed over two at a time. */
export const pairs = new Uint32Array(hits.buffer)
