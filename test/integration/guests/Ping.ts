import { assert } from "@effect/vitest"

/** Asks for 100 echoes, one every 20 ms; understood by busybox and by iputils. */
export const hundredPings = (address: string): string => `ping -q -c 100 -i 0.02 ${address}`

/** Asserts that ping(8) got an answer to everything it sent. */
export const assertNoLoss = (output: string, count = 100): void => {
  const summary = /(\d+) packets transmitted, (\d+)(?: packets)? received/
  const [, sent, received] = summary.exec(output) ?? []
  assert.deepStrictEqual({ sent, received }, { sent: `${count}`, received: `${count}` }, output)
  assert.notInclude(output, "duplicates")
}
