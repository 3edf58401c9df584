/**
 * Token buckets, one a port: so many at once, so many a second in the long run (rules Q).
 *
 * A bucket counts what came in, so it is charged for frames that a later rule denies, too.
 */
export interface RateLimit {
  readonly tokens: Float64Array
  /** Milliseconds at which each bucket was last filled. */
  readonly filledMs: Float64Array
  perSecond: number
  burst: number
}

/** A second's worth twice over may come at once. */
const BURST_SECONDS = 2

export const make = (ports: number, perSecond: number): RateLimit => ({
  tokens: new Float64Array(ports).fill(perSecond * BURST_SECONDS),
  filledMs: new Float64Array(ports),
  perSecond,
  burst: perSecond * BURST_SECONDS
})

/** Another rate from now on. */
export const setRate = (limit: RateLimit, perSecond: number): void => {
  limit.perSecond = perSecond
  limit.burst = perSecond * BURST_SECONDS
}

/** Whether a port has `wanted` tokens left; takes nothing. */
export const has = (limit: RateLimit, port: number, wanted: number, nowMs: number): boolean => {
  const gained = ((nowMs - limit.filledMs[port]!) / 1000) * limit.perSecond
  limit.tokens[port] = Math.min(limit.burst, limit.tokens[port]! + gained)
  limit.filledMs[port] = nowMs
  return limit.tokens[port]! >= wanted
}

/** Takes one token; false if there is none. */
export const take = (limit: RateLimit, port: number, nowMs: number): boolean => {
  if (!has(limit, port, 1, nowMs)) return false
  limit.tokens[port]! -= 1
  return true
}

/** Takes tokens that are there. */
export const spend = (limit: RateLimit, port: number, tokens: number): void => {
  limit.tokens[port]! -= tokens
}

/** Another user has the port: it begins anew. */
export const reset = (limit: RateLimit, port: number, nowMs: number): void => {
  limit.tokens[port] = limit.burst
  limit.filledMs[port] = nowMs
}
