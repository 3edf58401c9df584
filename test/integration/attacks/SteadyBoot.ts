import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Guest } from "../guests/Guest.ts"
import type { HostProcessError } from "../guests/HostProcess.ts"
import { startUmlGuest, umlLine } from "../guests/UmlGuest.ts"

/**
 * Boots User-Mode Linux, once more if need be: now and then this kernel's first process cannot fork (EAGAIN), before
 * there is a network card. That is not what is tried here.
 */
export const bootSteadily = (
  request: { readonly name: string; readonly initramfs: string; readonly socketPath: string; readonly mac: string }
): Effect.Effect<Guest, HostProcessError, Scope.Scope> =>
  Effect.retry(startUmlGuest({ ...request, line: umlLine(request.socketPath, request.mac) }), {
    times: 2,
    while: ({ problem }) => problem.includes("SIGABRT")
  })
