import { subcommands } from "./Subcommands.ts"

/*
 * Where the command begins. A first word that names a subcommand starts that, with no more code than it needs;
 * everything else is a command line as it always was.
 */

const word = process.argv[2] ?? ""
const load = Object.hasOwn(subcommands, word) ? subcommands[word] : undefined
if (load === undefined) {
  await import("./main.ts")
} else {
  const { run } = await load()
  process.exitCode = await run(process.argv.slice(2))
}
