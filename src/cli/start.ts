import * as os from "node:os"
import { seemsToServe } from "./Foresight.ts"
import { look } from "./GivenDescriptors.ts"
import { subcommands } from "./Subcommands.ts"

/*
 * Where the command begins. A first word that names a subcommand starts that, and one that asks for nothing but text
 * prints it, with no more code than it needs; everything else is a command line as it always was. What is to be a
 * switch starts its forwarding thread first.
 */

const start = async ([word = "", ...more]: ReadonlyArray<string>): Promise<void> => {
  const load = Object.hasOwn(subcommands, word) ? subcommands[word] : undefined
  if (load !== undefined) {
    const { run } = await load()
    process.exitCode = await run([word, ...more])
    return
  }
  const text = more.length === 0 ? (await import("./Printed.ts")).printedFor(word) : undefined
  if (text === undefined) {
    if (more.concat(word).some((given) => given.startsWith("--ready-fd"))) look()
    if (seemsToServe([word, ...more], process.env)) await beginSwitch()
    return (await import("./CachedBundle.ts")).runCached("./switch.cjs")
  }
  // A reader that has seen enough.
  process.stdout.on("error", () => process.exit(0))
  process.stdout.write(`${text}\n`)
}

/** Threads have the name of who starts them. */
const beginSwitch = async (): Promise<void> => {
  // rc.subr(8) looks for the script in what ps shows, which on DragonFly is the title behind "node: ".
  process.title = os.type() === "DragonFly" ? process.argv[1] ?? "vknetd" : "vknetd"
  const { startEarly } = await import("../adapters/native/EarlyThread.ts")
  startEarly()
}

void start(process.argv.slice(2))
