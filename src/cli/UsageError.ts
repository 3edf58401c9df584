import * as Data from "effect/Data"
import type { Flag } from "./Flags.ts"
import { printable } from "./Printable.ts"
import { usageLine } from "./UsageLine.ts"

/** The words on the command line do not have the form of one. */
export class UsageError extends Data.TaggedError("UsageError")<{
  /** The word at fault, as given: `-x`, `--bogus`, or the second operand. */
  readonly flag: string
  readonly reason: "unknown" | "missing-value" | "unwanted-value" | "surplus-operand"
}> {
  override get message(): string {
    return `${explain(this.reason, printable(this.flag))} (${usageLine})`
  }
}

const explain = (reason: UsageError["reason"], flag: string): string => {
  switch (reason) {
    case "unknown":
      return `unknown option ${flag}; see vknetd --help`
    case "missing-value":
      return `option ${flag} needs a value`
    case "unwanted-value":
      return `option ${flag} takes no value`
    case "surplus-operand":
      return `surplus operand ${flag}; only one address/cidrbits is taken`
  }
}

/** A value on the command line, or two of them together, cannot be used. The message says what to give. */
export class ValueError extends Data.TaggedError("ValueError")<{
  readonly message: string
  /** What of the switch's command line it is about, if that can be told. */
  readonly about?: ReadonlyArray<Flag | "address">
  /** Where one value is at fault: that value and what to give, so that who read it elsewhere can say where. */
  readonly fault?: string
}> {}
