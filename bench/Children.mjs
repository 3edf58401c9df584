// Processes that a run starts, and what it leaves behind: nothing. Each is ended by its number.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const alive = new Set()
const folders = new Set()

/** A folder that is removed when the run ends, however that is. Its name is short: sockets' paths lie in it. */
export const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "vkb-"))
  folders.add(folder)
  return folder
}

/**
 * Starts a process that stays until `stop`. Its output is kept, up to a bound, for the message if it fails.
 *
 * @param {ReadonlyArray<string>} command
 * @param {{ stdin?: "pipe" | "ignore" }} options
 */
export const start = ([file, ...args], options = {}) => {
  const child = spawn(file, args, { stdio: [options.stdin ?? "ignore", "pipe", "pipe"] })
  let output = ""
  const keep = (chunk) => {
    output = (output + chunk).slice(-4096)
  }
  child.stdout.on("data", keep)
  child.stderr.on("data", keep)
  // Its end is seen below; an input that has closed is no fault of ours.
  child.stdin?.on("error", () => {})
  const ended = new Promise((resolve) => {
    child.once("error", (cause) => resolve(cause.message))
    child.once("exit", (code, signal) => resolve(`ended with ${signal ?? code}: ${output.trim()}`))
  }).then((how) => {
    alive.delete(child)
    return how
  })
  alive.add(child)
  const stop = async () => {
    child.stdin?.end()
    child.kill("SIGTERM")
    const late = setTimeout(() => child.kill("SIGKILL"), 3000)
    await ended
    clearTimeout(late)
  }
  /** Waits until it has printed `text`. */
  const says = async (text, milliseconds = 10_000) => {
    const seen = new Promise((resolve) => {
      const look = () => output.includes(text) && resolve(true)
      child.stdout.on("data", look)
      child.stderr.on("data", look)
      look()
    })
    const how = await Promise.race([seen, ended, pause(milliseconds).then(() => "has not said it in time")])
    if (how !== true) throw new Error(`${file}: ${text}: ${how}`)
  }
  return { pid: child.pid, child, ended, stop, says, output: () => output }
}

/** Runs a process to its end; its standard output. Throws what it said when it fails or takes too long. */
export const run = async ([file, ...args], { milliseconds = 30_000 } = {}) => {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] })
  alive.add(child)
  let output = ""
  let complaint = ""
  child.stdout.on("data", (chunk) => {
    output += chunk
  })
  child.stderr.on("data", (chunk) => {
    complaint = (complaint + chunk).slice(-4096)
  })
  const late = setTimeout(() => child.kill("SIGKILL"), milliseconds)
  const how = await new Promise((resolve) => {
    child.once("error", (cause) => resolve(cause.message))
    child.once("close", (code, signal) => resolve(signal ?? code))
  })
  clearTimeout(late)
  alive.delete(child)
  if (how !== 0) throw new Error(`${file} ${args.slice(0, 8).join(" ")}: ${how} ${complaint || output}`.trim())
  return output
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Ends all that was started and removes all folders. */
export const cleanUp = () => {
  for (const child of alive) child.kill("SIGKILL")
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

process.on("exit", cleanUp)
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    process.exitCode = 130
    process.exit()
  })
}
