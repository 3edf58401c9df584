import { subcommands } from "./Subcommands.ts"

/*
 * Where the command begins. A first word that names a subcommand starts that, and one that asks for nothing but text
 * prints it, with no more code than it needs; everything else is a command line as it always was.
 */

const [, , word = "", ...more] = process.argv
const load = Object.hasOwn(subcommands, word) ? subcommands[word] : undefined
if (load !== undefined) {
  const { run } = await load()
  process.exitCode = await run(process.argv.slice(2))
} else {
  const { printedFor } = await import("./Printed.ts")
  const text = more.length === 0 ? printedFor(word) : undefined
  if (text === undefined) await import("./main.ts")
  else {
    // A reader that has seen enough.
    process.stdout.on("error", () => process.exit(0))
    process.stdout.write(`${text}\n`)
  }
}
