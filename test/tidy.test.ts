import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import ts from "typescript"
import { Bounds } from "../src/domain/Bounds.ts"
import { Reason, REASON_COUNT } from "../src/domain/Reason.ts"

/*
 * What other projects write down as conventions. What can be a test is none here.
 */

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70
const LINE_COLUMNS_MAX = 120

const git = (...args: ReadonlyArray<string>) =>
  execFileSync("git", args, { encoding: "utf8" }).split("\n").filter((line) => line !== "")

/** Every file of the project, committed or about to be. */
const files = git("ls-files", "--cached", "--others", "--exclude-standard")
  .filter((file) => file !== "package-lock.json" && existsSync(file))
const text = new Map(
  files.filter((file) => !/\.(png|pcapng|bin)$/.test(file)).map((file) => [file, readFileSync(file, "utf8")])
)
const sources = [...text.keys()].filter((file) => /^(src|test|bench|fuzz)\/.*\.ts$/.test(file))
const code = [...text.keys()].filter((file) => /\.(ts|mjs|cc|h|c|py|sh)$/.test(file))

const trees = new Map(sources.map((file) => [
  file,
  ts.createSourceFile(file, text.get(file)!, ts.ScriptTarget.ES2022, true)
]))

const everyNode = (root: ts.Node, visit: (node: ts.Node) => void): void => {
  visit(root)
  root.forEachChild((child) => everyNode(child, visit))
}

/** What it imports at its start, when it is about to use it, or for a type. A computed name is given as it stands. */
const importsOf = (file: string): Array<string> => {
  const found: Array<string> = []
  const add = (name: ts.Node | undefined) => {
    if (name !== undefined) found.push(ts.isStringLiteralLike(name) ? name.text : name.getText())
  }
  everyNode(trees.get(file)!, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier)
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0])
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal)
  })
  return found
}

const target = (file: string, specifier: string) =>
  specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : specifier

/** Which folders each folder of ours may import, and whether Effect is among what it may use. */
const layers: ReadonlyArray<{ from: string; to: ReadonlyArray<string> }> = [
  { from: "src/domain/", to: ["src/domain/"] },
  { from: "src/services/", to: ["src/services/", "src/domain/", "effect/", "@effect/platform/"] },
  {
    from: "src/adapters/",
    to: [
      "src/adapters/", "src/services/", "src/domain/", "effect/", "@effect/platform/", "@effect/platform-node/", "node:"
    ]
  },
  {
    from: "src/cli/",
    to: [
      "src/cli/", "src/adapters/", "src/services/", "src/domain/", "effect/", "@effect/", "node:", "ipaddr.js",
      "smol-toml", "package.json"
    ]
  }
]

describe("the project is tidy", () => {
  it("imports run one way: cli, adapters, services, domain", () => {
    const wrong: Array<string> = []
    for (const { from, to } of layers) {
      for (const file of sources.filter((file) => file.startsWith(from))) {
        for (const specifier of importsOf(file)) {
          if (!to.some((allowed) => target(file, specifier).startsWith(allowed))) wrong.push(`${file}: ${specifier}`)
        }
      }
    }
    assert.deepStrictEqual(wrong, [])
  })

  it("every file of src lies in a layer", () => {
    const stray = sources.filter((file) => file.startsWith("src/") && !layers.some(({ from }) => file.startsWith(from)))
    assert.deepStrictEqual(stray, [])
  })

  it(`no file above ${FILE_LINES_MAX} lines, no line above ${LINE_COLUMNS_MAX} columns`, () => {
    const long: Array<string> = []
    for (const file of code) {
      const lines = text.get(file)!.split("\n")
      if (lines.length - 1 > FILE_LINES_MAX) long.push(`${file}: ${lines.length - 1} lines`)
      lines.forEach((line, i) => {
        if (line.length > LINE_COLUMNS_MAX) long.push(`${file}:${i + 1}: ${line.length} columns`)
      })
    }
    assert.deepStrictEqual(long, [])
  })

  it(`no function of src above ${FUNCTION_LINES_MAX} lines`, () => {
    const long: Array<string> = []
    for (const [file, tree] of trees) {
      if (!file.startsWith("src/")) continue
      everyNode(tree, (node) => {
        if (!ts.isFunctionLike(node)) return
        const first = tree.getLineAndCharacterOfPosition(node.getStart()).line
        const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line
        if (last - first + 1 > FUNCTION_LINES_MAX) long.push(`${file}:${first + 1}: ${last - first + 1} lines`)
      })
    }
    assert.deepStrictEqual(long, [])
  })

  it("the type checker is nowhere switched off", () => {
    const off: Array<string> = []
    for (const [file, tree] of trees) {
      everyNode(tree, (node) => {
        if (node.kind === ts.SyntaxKind.AnyKeyword) off.push(`${file}: any at ${node.getStart()}`)
      })
      if (/@ts-(ignore|nocheck|expect-error)/.test(text.get(file)!.replace(/\/@ts-\(.*/, ""))) off.push(file)
    }
    assert.deepStrictEqual(off, [])
  })

  it("every TypeScript file is type-checked, the fuzzers and tests as well", () => {
    const { exclude, include } = JSON.parse(text.get("tsconfig.json")!) as Record<"exclude" | "include", Array<string>>
    const within = (folders: Array<string>, file: string) =>
      folders.some((folder) => file === folder || file.startsWith(`${folder}/`))
    const unseen = files.filter((file) => file.endsWith(".ts") && (!within(include, file) || within(exclude, file)))
    // The page has a browser's globals, and a project of its own, which `npm run types` checks.
    assert.deepStrictEqual(unseen.filter((file) => !file.startsWith("src/adapters/web/page/")), [])
    assert.include(text.get("package.json")!, "tsc --noEmit && tsc --noEmit -p src/adapters/web/page\"")
  })

  it("the type checker is overruled where this says, each time with the reason above", () => {
    const overruled: Array<string> = []
    for (const file of sources.filter((file) => file.startsWith("src/"))) {
      const lines = text.get(file)!.split("\n")
      lines.forEach((line, i) => {
        if (line.includes("as unknown as")) overruled.push(/^ *\/\/ /.test(lines[i - 1]!) ? file : `${file}:${i + 1}`)
      })
    }
    assert.deepStrictEqual(overruled, [
      "src/domain/AdmissionSnapshot.ts",
      "src/domain/policy/DhcpSnoop.ts",
      "src/domain/policy/HeldIdentities.ts",
      "src/services/ShapeSchema.ts"
    ])
  })

  it("nothing is said on a console outside the command", () => {
    const loud = sources.filter((file) => /^src\/(?!cli\/)/.test(file) && /\bconsole\./.test(text.get(file)!))
    assert.deepStrictEqual(loud, [])
  })

  it("domain and services read no clock but what they are given", () => {
    const clock = /\b(performance|Date)\.now\b|\bnew Date\(\)/
    const reading = sources.filter((file) => /^src\/(domain|services)\//.test(file) && clock.test(text.get(file)!))
    assert.deepStrictEqual(reading, [])
  })

  it("no unfinished work is left in the source", () => {
    const marker = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`)
    assert.deepStrictEqual(code.filter((file) => marker.test(text.get(file)!)), [])
  })

  it("files are named for their noun", () => {
    const vague = files.filter((file) => /(^|\/)(utils?|helpers?|common|types|manager|misc)(\.|\/)/i.test(file))
    assert.deepStrictEqual(vague, [])
  })

  it("every reason to drop a frame is explained in the manual", () => {
    const manual = text.get("share/man/vknetd.8")!
    const missing = Object.keys(Reason).filter((name) => name !== "PASS" && !new RegExp(`\\b${name}\\b`).test(manual))
    assert.deepStrictEqual(missing, [])
  })

  it("README.md says how many reasons there are", () => {
    assert.strictEqual(Object.keys(Reason).length, REASON_COUNT)
    assert.include(text.get("README.md")!, ` one of ${REASON_COUNT - 1} reasons`)
  })

  it("the manual is no older than the newest decision or release", () => {
    const dated = Date.parse(`${/^\.Dd (.*)$/m.exec(text.get("share/man/vknetd.8")!)![1]} UTC`)
    const dates = [...text].flatMap(([file, page]) =>
      file.startsWith("docs/decisions/") ? [...page.matchAll(/^\d{4}-\d\d-\d\d/gm)]
        : file === "CHANGELOG.md" ? [...page.matchAll(/(?<=^## .* )\d{4}-\d\d-\d\d$/gm)] : []).map(([date]) => date)
    assert.isAbove(dates.length, 1)
    assert.deepStrictEqual(dates.filter((date) => Date.parse(date) > dated), [])
  })

  it("ARCHITECTURE.md prints the table of bounds", () => {
    const page = text.get("ARCHITECTURE.md")!
    const missing = Object.entries(Bounds)
      .filter(([name, value]) => !page.includes(`| \`${name}\` | ${value.toLocaleString("en-US")} |`))
      .map(([name, value]) => `| \`${name}\` | ${value.toLocaleString("en-US")} |`)
    assert.deepStrictEqual(missing, [])
  })

  it("what a fresh clone is told to run installs and builds first", () => {
    const { scripts } = JSON.parse(text.get("package.json")!) as { scripts: Record<string, string> }
    const unready = ["start", "test", "check", "bench", "build", "fuzz", "release"]
      .filter((name) => !`${scripts[name]} && `.startsWith("node scripts/bootstrap.mjs && "))
    assert.deepStrictEqual(unready, [])
  })
})
