import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { readFileSync } from "node:fs"
import { readCommandLine } from "../../src/cli/Command.ts"
import { optionsOf, usageOf } from "../../src/cli/CommandForm.ts"
import { readCommandWords } from "../../src/cli/CommandWords.ts"
import { completions, readCompletions } from "../../src/cli/Completions.ts"
import { allFlags, builtInFlags, spell } from "../../src/cli/Flags.ts"
import { forms } from "../../src/cli/Forms.ts"
import { subcommands } from "../../src/cli/Subcommands.ts"
import { ValueError } from "../../src/cli/UsageError.ts"
import { settingKeys } from "../../src/services/ControlWords.ts"

const manual = readFileSync(new URL("../../share/man/vknetd.8", import.meta.url), "utf8")

const formOf = (name: string) => forms.find((form) => form.name === name)!

describe("the forms of subcommands", () => {
  it("are there for every command but Wireshark's", () => {
    assert.deepStrictEqual(
      forms.map(({ name }) => name).sort(),
      Object.keys(subcommands).filter((name) => name !== "extcap").sort()
    )
  })

  it("give the usage lines", () => {
    assert.deepStrictEqual(["status", "port", "set", "capture", "explain", "replay"].map(formOf).map(usageOf), [
      "usage: vknetd status [-p socket_path] [--json]",
      "usage: vknetd port [-p socket_path] [--json] N disconnect|pin|unpin|isolate|unisolate",
      "usage: vknetd set [-p socket_path] [--json] log-level|mac-age|storm-rate|arp-rate VALUE",
      "usage: vknetd capture [-p socket_path] [--port N] [--denied] [--filter EXPR] [-c COUNT] [-s SNAPLEN] "
      + "[-w FILE|-]",
      "usage: vknetd explain [--from guest|trunk|tap] [--host-mac MAC] [--config FILE] [--ipv6 ADDRESS/BITS] [-U] "
      + "[policy option ...] (--hex OCTETS | --frame N capture) [address/cidrbits]",
      "usage: vknetd replay [--json] [-w OUT.pcapng] [--host-mac MAC|none] [--guests station|interface|one] "
      + "[--config FILE] [--ipv6 ADDRESS/BITS] [-U] [policy option ...] capture [address/cidrbits]"
    ])
  })

  it("call what can be set as the options do, and so does the manual", () => {
    for (const key of settingKeys) {
      assert.isTrue(allFlags.some(({ name }) => name === key))
      assert.match(manual, new RegExp(`^\\.It Cm set ${key} Ar [A-Z]+\nAs\n\\.Fl -${key}\\b`, "m"))
      assert.include(manual, `\n.It bad ${key} %s\n`)
    }
  })

  const named = forms.map((form) => [form.name, form] as const)

  it.each(named)("give %s no option that the synopsis has not", (name, form) => {
    const synopsis = manual.slice(manual.indexOf(".Sh SYNOPSIS"), manual.indexOf(".Sh DESCRIPTION"))
    const part = synopsis.split("\n.Nm\n").find((part) => new RegExp(`^\\.Cm (.* )?${name}\\b`).test(part))
    assert.isDefined(part)
    const unnamed = [builtInFlags.help, ...form.further?.options ?? []]
    for (const option of optionsOf(form).filter((option) => !unnamed.includes(option))) {
      assert.match(part!, new RegExp(`\\bFl ${spell(option).slice(1)}( |$)`, "m"))
    }
  })

  it("are read whole: an option's value is what follows it, the last one counts, nothing else is taken", () => {
    const option = fc.constantFrom(...forms).chain((form) =>
      fc.record({
        form: fc.constant(form),
        flag: fc.constantFrom(...optionsOf(form).filter(({ value }) => value !== undefined)),
        values: fc.array(fc.string({ unit: "grapheme", maxLength: 5 }), { minLength: 1, maxLength: 3 })
      })
    ).filter(({ flag }) => flag !== undefined)
    fc.assert(fc.property(option, ({ flag, form, values }) => {
      const given = new Set([flag.name])
      const operands = form.ways?.find(({ option }) => given.has(option.name))?.operands
        ?? form.ways?.at(-1)?.operands ?? []
      const wanted = [...operands, ...form.operands].filter(({ optional }) => optional !== true).map(() => "x")
      const words = readCommandWords(form, [...wanted, ...values.flatMap((value) => [spell(flag), value])])
      assert.deepStrictEqual(
        words,
        Either.right({ options: new Map([[flag.name, values.at(-1)!]]), operands: wanted })
      )
    }))
  })

  it("refuse a name that is no option's, however it is written", () => {
    for (const word of ["--p", "--p=x", "-x", "--constructor", "--short p", "--h"]) {
      const read = readCommandWords(formOf("status"), [word])
      assert.match(Either.isLeft(read) ? read.left : "taken", /^unknown option /)
    }
  })
})

describe("the completion scripts", () => {
  it.each(["bash", "zsh", "fish", "sh"])("for %s are plain text, wherever they are asked for", async (shell) => {
    const script = Either.getOrThrow(readCompletions(shell))
    assert.match(script, /^[\x20-\x7e\n]+$/)
    for (const argv of [["--completions", shell], ["-d", `--completions=${shell}`]]) {
      const request = await Effect.runPromise(readCommandLine(argv, "/"))
      assert.deepStrictEqual(request, { kind: "print", text: script })
    }
  })

  it("are for these shells", () => {
    const message = "bad --completions tcsh: give bash, zsh, fish or sh"
    assert.deepStrictEqual(readCompletions("tcsh"), Either.left(new ValueError({ message })))
  })

  it("know of nothing that a shell would take for its own", () => {
    for (const { command, operands, options } of completions) {
      assert.match(command, /^[a-z]*$/)
      const words = [...operands, ...options].flatMap(({ takes }) => takes ?? [])
      for (const word of [...words, ...options.map(({ name }) => name)]) assert.match(word, /^[A-Za-z0-9-]+$/)
    }
  })
})
