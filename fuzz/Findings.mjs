// Inputs in files: what was found, and the corpus. Hex, one a line; lines that begin with # are for people.
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { root } from "./Bundle.mjs"

export const corpusPath = (target) => join(root, "fuzz", "corpus", `${target}.hex`)

export const readInputs = (path) =>
  !existsSync(path) ? [] : readFileSync(path, "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#"))

export const writeInputs = (path, inputs) => {
  const ordered = [...inputs].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
  writeFileSync(path, `${ordered.join("\n")}\n`)
}

/** Keeps what was found in a file of its own and says so in one line, with the command that runs it again. */
export const record = (target, { hex, message, origin }) => {
  const name = `${target}-${createHash("sha256").update(hex).digest("hex").slice(0, 12)}.hex`
  const directory = join(root, "fuzz", "findings")
  mkdirSync(directory, { recursive: true })
  const path = join(directory, name)
  writeFileSync(path, `${message.split("\n").map((line) => `# ${line}`).join("\n")}\n# ${origin}\n${hex}\n`)
  const replay = `node fuzz/run.mjs --target ${target} --replay ${relative(root, path)}`
  process.stdout.write(`FOUND ${target}: ${message.split("\n")[0]} (${origin}); ${replay}\n`)
}
