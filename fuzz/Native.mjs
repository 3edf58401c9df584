// Builds the addon's portable half and Linux' with AddressSanitizer and UBSan, without Node, and runs it.
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { root } from "./Bundle.mjs"
import { corpusPath, readInputs, record, writeInputs } from "./Findings.mjs"

const UNDER_TEST = ["loop", "ports", "posix", "errno", "service", "kernel_linux", "segments",
  "segment_tap", "link_watch", "link_linux", "interface_linux"].map((name) => `native/${name}.cc`)
const HARNESS = ["ExchangeRun", "ExchangeStep", "Peer", "Stage", "Files", "Promise", "Segments", "Vigils"].map((name) =>
  `fuzz/native/${name}.cc`)
const INPUT_BYTES_MAX = 400
const OUTPUT_BYTES_MAX = 1 << 26

const say = (text) => process.stdout.write(`${text}\n`)

const compile = (directory, libfuzzer) => {
  const sanitizers = `-fsanitize=address,undefined${libfuzzer ? ",fuzzer" : ""}`
  const flags = ["-std=gnu++17", "-g", "-O1", "-Wall", "-Wextra", "-fno-omit-frame-pointer", sanitizers]
  const output = join(directory, "native")
  const main = `fuzz/native/${libfuzzer ? "libfuzzer" : "seeded"}.cc`
  const compiler = libfuzzer ? "clang++" : process.env.CXX ?? "g++"
  const given = [...flags, "-fno-sanitize-recover=all", ...UNDER_TEST, ...HARNESS, main, "-o", output]
  const { error, status, stderr } = spawnSync(compiler, given, { cwd: root, encoding: "utf8" })
  if (error === undefined && status === 0) return output
  const needs = libfuzzer ? "clang and its libclang-rt" : "g++ and its libasan and libubsan"
  process.stderr.write(`${stderr ?? ""}fuzz: the target did not build (it needs ${needs})\n`)
  return process.exit(2)
}

const environment = (leaks) => ({
  ...process.env,
  ASAN_OPTIONS: `detect_leaks=${leaks ? 1 : 0}:detect_stack_use_after_return=1:strict_string_checks=1`,
  UBSAN_OPTIONS: "print_stacktrace=1"
})

/** Runs the binary; without the search for leaks where that is not allowed to look at the process. */
const run = (binary, given, secondsMax) => {
  const once = (leaks) =>
    spawnSync(binary, given, {
      cwd: root,
      encoding: "utf8",
      env: environment(leaks),
      timeout: (secondsMax + 60) * 1000,
      maxBuffer: OUTPUT_BYTES_MAX
    })
  const first = once(true)
  if (!/LeakSanitizer has encountered a fatal error/.test(first.stderr)) return first
  say("native: leaks cannot be looked for here")
  return once(false)
}

const messageOf = ({ signal, status, stderr }) => {
  const line = stderr.split("\n").find((text) => /^BROKEN |ERROR: |runtime error: /.test(text))
  return line === undefined ? `ended with ${signal ?? status}` : line.trim()
}

/** 0 if all went well. What went wrong is kept with the input, or with none when it showed at the end alone. */
const judge = (result, origin) => {
  if (result.status === 0) return 0
  const hex = /^INPUT ([0-9a-f]*)$/m.exec(result.stderr)?.[1] ?? ""
  process.stderr.write(result.stderr.slice(0, 8000))
  record("native", { hex, message: messageOf(result), origin })
  return 1
}

const hexOf = (path) => readFileSync(path).toString("hex")

const runLibfuzzer = (directory, { executions, save, secondsMax, seed }) => {
  const binary = compile(directory, true)
  const corpus = join(directory, "corpus")
  mkdirSync(corpus)
  readInputs(corpusPath("native")).forEach((hex, i) =>
    writeFileSync(join(corpus, `kept-${i}`), Buffer.from(hex, "hex")))
  const limits = [`-runs=${executions}`, `-max_total_time=${secondsMax}`, `-max_len=${INPUT_BYTES_MAX}`]
  const ways = [`-seed=${Math.max(1, seed)}`, "-len_control=0", `-artifact_prefix=${directory}/`]
  const result = run(binary, [...limits, ...ways, corpus], secondsMax)
  const told = /^#\d+\s+DONE.*$/m.exec(result.stderr)?.[0]
  if (told !== undefined) say(`native, libFuzzer: ${told.replace(/\s+/g, " ")}`)
  const findings = judge(result, `libFuzzer, seed ${seed}`)
  if (!save || findings > 0) return findings
  const merged = join(directory, "merged")
  mkdirSync(merged)
  run(binary, ["-merge=1", "-use_counters=0", `-max_len=${INPUT_BYTES_MAX}`, merged, corpus], secondsMax)
  writeInputs(corpusPath("native"), readdirSync(merged).map((name) => hexOf(join(merged, name))))
  return findings
}

const runSeeded = (directory, { executions, replay, secondsMax, seed }) => {
  const binary = compile(directory, false)
  const replayed = run(binary, ["--replay", replay ?? corpusPath("native")], secondsMax)
  if (replayed.status === 0) say(replayed.stdout.trim())
  const found = judge(replayed, "replayed")
  if (found > 0 || replay !== undefined || executions === 0) return found
  const result = run(binary, [String(seed), String(executions), String(secondsMax)], secondsMax)
  if (result.status === 0) say(result.stdout.trim())
  return judge(result, `seed ${seed}`)
}

/** Resolves with the number of findings, which is 0 or 1: the first ends the process. */
export const fuzzNative = (options) => {
  const directory = mkdtempSync(join(tmpdir(), "vknetd-fuzz-"))
  try {
    const guided = options.libfuzzer && options.replay === undefined
    return guided ? runLibfuzzer(directory, options) : runSeeded(directory, options)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
