import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { formatLine, isAsSerious, logFormats, logLevels, type LogRecord } from "../../src/cli/LogLine.ts"

const pid = 4711

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("two words", "a=b", "\"", "\\", "\n", "\r\u2028", "", "<3>x", "\u202e", "\ud800", "\x1b[31m")
)
const value = fc.oneof(anyText, fc.integer(), fc.boolean(), fc.bigInt(), fc.constant(undefined), fc.jsonValue())
const taken = ["timestamp", "level", "message"]
const fieldName = fc.stringMatching(/^[a-z][A-Za-z]{0,11}$/).filter((name) => !taken.includes(name))
const record: fc.Arbitrary<LogRecord> = fc.record({
  time: fc.date({ min: new Date("1970-01-01"), max: new Date("2100-01-01"), noInvalidDate: true }),
  level: fc.constantFrom(...logLevels),
  message: anyText,
  fields: fc.uniqueArray(fc.tuple(fieldName, value), { selector: ([name]) => name, maxLength: 5 })
})

const event: LogRecord = {
  time: new Date("2026-03-04T05:06:07.089Z"),
  level: "warning",
  message: "connection refused",
  fields: [["reason", "CONN_LIMIT"], ["uid", 1000], ["who", "a \"b\""]]
}

describe("an event is a line:", () => {
  it("names and values", () => {
    assert.strictEqual(
      formatLine("logfmt", event, pid),
      "timestamp=2026-03-04T05:06:07.089Z level=warning message=\"connection refused\" "
        + "reason=CONN_LIMIT uid=1000 who=\"a \\\"b\\\"\""
    )
  })

  it("JSON", () => {
    assert.strictEqual(
      formatLine("json", event, pid),
      "{\"timestamp\":\"2026-03-04T05:06:07.089Z\",\"level\":\"warning\",\"message\":\"connection refused\","
        + "\"reason\":\"CONN_LIMIT\",\"uid\":1000,\"who\":\"a \\\"b\\\"\"}"
    )
  })

  it("for systemd's journal", () => {
    assert.strictEqual(
      formatLine("journal", event, pid),
      "<4>connection refused reason=CONN_LIMIT uid=1000 who=\"a \\\"b\\\"\""
    )
  })

  it("for syslog, in local time", () => {
    const line = formatLine("syslog", event, pid)
    assert.match(line, /^<28>Mar {2}[345] [0-9]{2}:[0-9]{2}:07 vknetd\[4711\]: connection refused reason=CONN_LIMIT /)
  })

  it.prop("one line, whatever it says", [fc.constantFrom(...logFormats), record], ([format, record]) => {
    assert.match(formatLine(format, record, pid), /^[^\p{Cc}\p{Zl}\p{Zp}]*$/u)
  })

  it.prop("nothing in it looks like a field that is not there", [record], ([record]) => {
    const line = formatLine("logfmt", record, pid)
    const found = [...line.matchAll(/([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|[^\s"=\\]*)(?: |$)/g)]
    assert.strictEqual(found.map(([whole]) => whole).join(""), line)
    assert.deepStrictEqual(
      found.map(([, name]) => name),
      ["timestamp", "level", "message", ...record.fields.map(([name]) => name)]
    )
    const message = found[2]![2]!
    const words = message.startsWith("\"") ? JSON.parse(message) as string : message
    assert.strictEqual(words, record.message)
  })

  it.prop("JSON gives back what was put in", [record], ([record]) => {
    const read = JSON.parse(formatLine("json", record, pid)) as Record<string, unknown>
    assert.strictEqual(read["timestamp"], record.time.toISOString())
    assert.strictEqual(read["message"], record.message)
    for (const [name, value] of record.fields) {
      const plain = typeof value === "bigint" ? String(value) : value
      assert.deepStrictEqual(read[name], plain === undefined ? undefined : JSON.parse(JSON.stringify(plain)))
    }
  })
})

describe("levels", () => {
  it("are ordered by what syslog makes of them", () => {
    for (const [i, level] of logLevels.entries()) {
      for (const [j, least] of logLevels.entries()) assert.strictEqual(isAsSerious(level, least), i <= j)
    }
  })
})
