import type { Forwarder } from "../src/services/Forwarder.ts"

/** What a forwarding loop works with and what it tells, which is not what it remembers: told apart from its state. */
const working: ReadonlyArray<keyof Forwarder> = [
  "exchange", "counters", "denials", "recorder", "notify", "told", "heard", "settings", "policy", "reason", "tapReason",
  "destination", "outlets", "woken"
]
const WORKING: ReadonlySet<string> = new Set(working)

/**
 * The first thing in which two states differ but for rates, as a path, or undefined. Walks whatever is there: typed
 * arrays, maps, sets, arrays, plain objects and numbers, so that new tables are compared without being named here.
 */
export const difference = (one: object, other: object): string | undefined => {
  for (const key of Object.keys(one)) {
    if (WORKING.has(key)) continue
    const found = compare(Reflect.get(one, key), Reflect.get(other, key), key)
    if (found !== undefined) return found
  }
  return undefined
}

/** Token buckets count what came in, whatever becomes of it. */
const isRate = (value: unknown): boolean => typeof value === "object" && value !== null && "tokens" in value

const compare = (one: unknown, other: unknown, path: string): string | undefined => {
  if (isRate(one)) return undefined
  if (ArrayBuffer.isView(one) && ArrayBuffer.isView(other)) return same(one, other) ? undefined : path
  if (one instanceof Map && other instanceof Map) return compare([...one], [...other], path)
  if (one instanceof Set && other instanceof Set) return compare([...one], [...other], path)
  if (typeof one === "function") return undefined
  if (typeof one !== "object" || one === null || typeof other !== "object" || other === null) {
    return Object.is(one, other) ? undefined : path
  }
  const keys = Object.keys(one)
  if (keys.length !== Object.keys(other).length) return path
  for (const key of keys) {
    const found = compare(Reflect.get(one, key), Reflect.get(other, key), `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

const same = (one: ArrayBufferView, other: ArrayBufferView): boolean =>
  Buffer.compare(
    new Uint8Array(one.buffer, one.byteOffset, one.byteLength),
    new Uint8Array(other.buffer, other.byteOffset, other.byteLength)
  ) === 0

/** What is kept for a while of those that have left, under a bound of its own. */
const KEPT = new Set(["memory.held"])

/**
 * What is left in a state whose tables should be empty, as paths: numbers called `count` that are not 0, maps, sets and
 * lists of objects that hold something.
 */
export const leftovers = (state: object, path = ""): ReadonlyArray<string> =>
  Object.entries(state).flatMap(([key, value]: [string, unknown]) => {
    const here = path === "" ? key : `${path}.${key}`
    if ((path === "" && WORKING.has(key)) || KEPT.has(here) || here.endsWith(".policy")) return []
    if (Array.isArray(value) && typeof value[0] === "object") return [`${here} has ${value.length}`]
    if (key === "count" && typeof value === "number") return value === 0 ? [] : [`${here} is ${value}`]
    if (value instanceof Map || value instanceof Set) return value.size === 0 ? [] : [`${here} has ${value.size}`]
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return []
    return leftovers(value, here)
  })
