import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Answers from "../../src/services/ControlAnswers.ts"
import { fitting, list, number, orNull, record, type Shape, text, truth, word } from "../../src/services/Shape.ts"
import { schemaOf } from "../../src/services/ShapeSchema.ts"

/** Shapes of every kind, some levels deep. */
const shapes: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Shape>(text, number, truth, word("up", "down")),
    fc.constantFrom<Shape>(orNull(text), orNull(list(number)), orNull(record({ a: truth }))),
    tie("shape").map((of): Shape => list(of)),
    fc.dictionary(fc.constantFrom("a", "b", "constructor"), tie("shape"), { minKeys: 1 })
      .map((fields): Shape => record(fields))
  )
})).shape

/** What fits: a value of each kind, and records with a field more than they need. */
const valueOf = (shape: Shape): fc.Arbitrary<unknown> => {
  switch (shape.kind) {
    case "text":
      return fc.string()
    case "number":
      return fc.integer()
    case "truth":
      return fc.boolean()
    case "word":
      return fc.constantFrom(...shape.words)
    case "orNull":
      return fc.option(valueOf(shape.of))
    case "list":
      return fc.array(valueOf(shape.of), { maxLength: 3 })
    case "record":
      return fc.record({
        newer: fc.integer(),
        ...Object.fromEntries(Object.entries(shape.fields).map(([name, of]) => [name, valueOf(of)]))
      })
  }
}

const answers: ReadonlyArray<Shape> = Object.values(Answers)

describe("a shape", () => {
  const schemas = (shape: Shape) => schemaOf(shape) as unknown as Schema.Schema<unknown>

  it("takes what its schema takes, and makes the same of it to the octet", () => {
    const cases = fc.oneof(shapes, fc.constantFrom(...answers)).chain((shape) =>
      fc.tuple(fc.constant(shape), fc.oneof(valueOf(shape), fc.jsonValue()))
    )
    let taken = 0
    fc.assert(fc.property(cases, ([shape, value]) => {
      const decoded = Schema.decodeUnknownOption(schemas(shape))(value)
      const fitted = fitting(shape, value)
      assert.strictEqual(fitted !== undefined, decoded._tag === "Some")
      if (decoded._tag === "Some") assert.strictEqual(JSON.stringify(fitted), JSON.stringify(decoded.value))
      taken += Number(fitted !== undefined)
    }), { numRuns: 2000 })
    assert.isAbove(taken, 500)
  })

  it("has its fields in order, and drops what it does not name", () => {
    const fitted = fitting(Answers.setting, { newer: 1, value: "v", key: "k" })
    assert.strictEqual(JSON.stringify(fitted), `{"key":"k","value":"v"}`)
  })

  it("refuses what lacks a field or has another kind of value", () => {
    for (const value of [null, [], 7, {}, { key: "k" }, { key: "k", value: 1 }, { key: "k", value: null }]) {
      assert.isUndefined(fitting(Answers.setting, value))
    }
    assert.isUndefined(fitting(Answers.portAction, "explode"))
  })
})
