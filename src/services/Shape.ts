/*
 * What a JSON value has to look like, as data: few kinds, which is all that answers of the control channel are made of.
 * A command checks an answer by it without loading what a schema needs; the server's schema is made from it
 * (ShapeSchema.ts), so that both mean the same.
 */

export type Shape = KnownShape | OrNullShape<KnownShape>

/** What is always there. */
type KnownShape =
  | { readonly kind: "text" }
  | { readonly kind: "number" }
  | { readonly kind: "truth" }
  | WordShape<ReadonlyArray<string>>
  | ListShape<Shape>
  | RecordShape<Fields>

/** One of some words. */
export interface WordShape<W extends ReadonlyArray<string>> {
  readonly kind: "word"
  readonly words: W
}

export interface OrNullShape<S> {
  readonly kind: "orNull"
  readonly of: S
}

export interface ListShape<S> {
  readonly kind: "list"
  readonly of: S
}

/** Exactly these fields, in this order. */
export interface RecordShape<F> {
  readonly kind: "record"
  readonly fields: F
}

export type Fields = { readonly [name: string]: Shape }

/** What fits a shape. */
export type Fitting<S> = S extends { readonly kind: "text" } ? string
  : S extends { readonly kind: "number" } ? number
  : S extends { readonly kind: "truth" } ? boolean
  : S extends WordShape<infer W extends ReadonlyArray<string>> ? W[number]
  : S extends OrNullShape<infer Of> ? Fitting<Of> | null
  : S extends ListShape<infer Of> ? ReadonlyArray<Fitting<Of>>
  : S extends RecordShape<infer F> ? { readonly [K in keyof F]: Fitting<F[K]> }
  : never

export const text = { kind: "text" } as const
export const number = { kind: "number" } as const
export const truth = { kind: "truth" } as const
export const word = <const W extends ReadonlyArray<string>>(...words: W): WordShape<W> => ({ kind: "word", words })
export const orNull = <S extends KnownShape>(of: S): OrNullShape<S> => ({ kind: "orNull", of })
export const list = <S extends Shape>(of: S): ListShape<S> => ({ kind: "list", of })
export const record = <F extends Fields>(fields: F): RecordShape<F> => ({ kind: "record", fields })

/**
 * The value if it fits, else undefined, which no JSON is. Records are made anew: with their fields in the shape's
 * order, and without any that it does not name, as a newer switch may have them.
 */
export const fitting = <S extends Shape>(shape: S, value: unknown): Fitting<S> | undefined =>
  fit(shape, value) as Fitting<S> | undefined

const fit = (shape: Shape, value: unknown): unknown => {
  switch (shape.kind) {
    case "text":
      return typeof value === "string" ? value : undefined
    case "number":
      return typeof value === "number" ? value : undefined
    case "truth":
      return typeof value === "boolean" ? value : undefined
    case "word":
      return typeof value === "string" && shape.words.includes(value) ? value : undefined
    case "orNull":
      return value === null ? null : fit(shape.of, value)
    case "list":
      return Array.isArray(value) ? fitList(shape.of, value) : undefined
    case "record":
      return typeof value === "object" && value !== null ? fitRecord(shape.fields, value) : undefined
  }
}

const fitList = (of: Shape, values: ReadonlyArray<unknown>): ReadonlyArray<unknown> | undefined => {
  const made = values.map((value) => fit(of, value))
  return made.includes(undefined) ? undefined : made
}

const fitRecord = (fields: Fields, value: object): object | undefined => {
  const given = new Map<string, unknown>(Object.entries(value))
  const made: Array<readonly [string, unknown]> = []
  for (const [name, shape] of Object.entries(fields)) {
    const fitted = fit(shape, given.get(name))
    if (fitted === undefined) return undefined
    made.push([name, fitted])
  }
  return Object.fromEntries(made)
}
