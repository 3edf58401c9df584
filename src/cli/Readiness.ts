import { closeSync, writeSync } from "node:fs"

// How the copy in the background tells the command that started it how the start went: lines on a descriptor
// that both hold. `tap NAME` and `ready` when a connect would succeed, or `error LINE`; then the descriptor is closed.

/** Names the descriptor, for the copy. */
export const readinessVariable = "VKNETD_READY_FD"

/** What one line tells. */
export type Tidings =
  | { readonly kind: "tap"; readonly name: string }
  | { readonly kind: "ready" }
  | { readonly kind: "error"; readonly message: string }

/** One line with its newline. Line breaks within become blanks. */
export const formatTidings = (tidings: Tidings): string => {
  switch (tidings.kind) {
    case "tap":
      return `tap ${flat(tidings.name)}\n`
    case "ready":
      return "ready\n"
    case "error":
      return `error ${flat(tidings.message)}\n`
  }
}

const flat = (text: string): string => text.replace(/\s*[\r\n]\s*/g, " ")

/** The inverse of `formatTidings`, for a line without its newline; undefined for what is none. */
export const parseTidings = (line: string): Tidings | undefined => {
  if (line === "ready") return { kind: "ready" }
  if (line.startsWith("tap ")) return { kind: "tap", name: line.slice(4) }
  if (line.startsWith("error ")) return { kind: "error", message: line.slice(6) }
  return undefined
}

/** The copy's end of the descriptor. */
export interface Reporter {
  /** Tells; false if nobody listens any more. */
  readonly tell: (tidings: Tidings) => boolean
  /** Closes the descriptor. Harmless when it is closed. */
  readonly close: () => void
}

/**
 * The reporter that the environment names, or undefined in a command that nobody waits for. Takes the
 * name out of the environment.
 */
export const takeReporter = (environment: NodeJS.ProcessEnv): Reporter | undefined => {
  const descriptor = environment[readinessVariable]
  delete environment[readinessVariable]
  if (descriptor === undefined || !/^[0-9]{1,6}$/.test(descriptor)) return undefined
  return makeReporter(Number(descriptor))
}

const makeReporter = (descriptor: number): Reporter => {
  let open = true
  return {
    tell: (tidings) => {
      if (!open) return false
      try {
        writeSync(descriptor, formatTidings(tidings))
        return true
      } catch {
        // The command that waited has been ended; the switch goes on without it.
        return false
      }
    },
    close: () => {
      if (!open) return
      open = false
      try {
        closeSync(descriptor)
      } catch {
        // Not ours to close after all: the environment named a descriptor that is not open.
      }
    }
  }
}
