import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { type Binding, load } from "./Binding.ts"

/** The addon is not there or does not fit this Node. */
export class AddonMissing extends Data.TaggedError("AddonMissing")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** The loaded addon, for the native adapters alone. */
export class Addon extends Context.Tag("vknetd/native/Addon")<Addon, Binding>() {
  static readonly load: Effect.Effect<Binding, AddonMissing> = Effect.try({
    try: load,
    catch: (cause) => {
      const message = cause instanceof Error ? cause.message : String(cause)
      return new AddonMissing({ detail: message.split("\n")[0]! })
    }
  })
}
