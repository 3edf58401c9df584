import * as Schema from "effect/Schema"
import type { ListShape, OrNullShape, RecordShape, Shape, WordShape } from "./Shape.ts"

/** The schema that a shape becomes. */
export type SchemaOf<S> = S extends { readonly kind: "text" } ? typeof Schema.String
  : S extends { readonly kind: "number" } ? typeof Schema.Number
  : S extends { readonly kind: "truth" } ? typeof Schema.Boolean
  : S extends WordShape<infer W extends readonly [string, ...Array<string>]> ? Schema.Literal<[...W]>
  : S extends OrNullShape<infer Of> ? Schema.NullOr<SchemaOf<Of>>
  : S extends ListShape<infer Of> ? Schema.Array$<SchemaOf<Of>>
  : S extends RecordShape<infer F> ? Schema.Struct<{ readonly [K in keyof F]: SchemaOf<F[K]> }>
  : never

/** A schema that takes exactly what fits the shape. */
export const schemaOf = <S extends Shape>(shape: S): SchemaOf<S> =>
  // Which case of a conditional type holds is not known before S is; `made` has the same cases.
  made(shape) as unknown as SchemaOf<S>

// What a shape holds is JSON as it is: nothing is decoded to another type.
const made = (shape: Shape): Schema.Schema.AnyNoContext => {
  switch (shape.kind) {
    case "text":
      return Schema.String
    case "number":
      return Schema.Number
    case "truth":
      return Schema.Boolean
    case "word":
      return Schema.Literal(...shape.words)
    case "orNull":
      return Schema.NullOr(made(shape.of))
    case "list":
      return Schema.Array(made(shape.of))
    case "record":
      return Schema.Struct(Object.fromEntries(Object.entries(shape.fields).map(([name, of]) => [name, made(of)])))
  }
}
