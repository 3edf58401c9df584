/*
 * No stack traces while the switch's modules are run; imported before all others.
 *
 * effect asks for one then, to learn what V8 makes of a function. For that V8 looks up every end of a line in a bundle
 * of a megabyte: 2 ms of a start (docs/decisions/0026-one-answer-to-the-first-frame.md).
 */

const usual = Error.stackTraceLimit
Error.stackTraceLimit = 0

/** As ever from now on. */
export const resume = (): void => {
  Error.stackTraceLimit = usual
}
