import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Schema from "effect/Schema"

// The answers of the control socket that are errors: each is one line, which the command prints as it is.

const line = { message: Schema.String }

/** Who asks may not do that. */
export class Forbidden extends Schema.TaggedError<Forbidden>()(
  "Forbidden",
  line,
  HttpApiSchema.annotations({ status: 403 })
) {}

/** There is no such thing. */
export class NotThere extends Schema.TaggedError<NotThere>()(
  "NotThere",
  line,
  HttpApiSchema.annotations({ status: 404 })
) {}

/** The request cannot be meant. */
export class Unfit extends Schema.TaggedError<Unfit>()("Unfit", line, HttpApiSchema.annotations({ status: 400 })) {}

/** The forwarding thread did not answer in time. It may yet do what it was told. */
export class Unanswered extends Schema.TaggedError<Unanswered>()(
  "Unanswered",
  line,
  HttpApiSchema.annotations({ status: 503 })
) {}

/** As many do that as may. */
export class Crowded extends Schema.TaggedError<Crowded>()(
  "Crowded",
  line,
  HttpApiSchema.annotations({ status: 503 })
) {}
