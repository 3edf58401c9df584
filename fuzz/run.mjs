// Fuzzes: frames against the policy, what guests own against its slow keeper, sequences of events against the
// switch, and the addon's C++.
//   node fuzz/run.mjs [--target frames|owners|sequences|native|all] [--executions N] [--seconds T] [--seed S]
//   node fuzz/run.mjs --target frames --replay FILE     one input that was found
// docs/fuzzing.md says more.
import { parseArgs } from "node:util"
import { corpusPath, readInputs, writeInputs } from "./Findings.mjs"
import { fuzzNative } from "./Native.mjs"
import { watch } from "./Watch.mjs"

const EXECUTIONS = { frames: 1_000_000, owners: 20_000, sequences: 20_000, native: 20_000 }
const SECONDS_DEFAULT = 600

const fail = (text) => {
  process.stderr.write(`fuzz: ${text}\n`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({
      options: {
        "target": { type: "string", default: "all" },
        "executions": { type: "string" },
        "seconds": { type: "string", default: String(SECONDS_DEFAULT) },
        "seed": { type: "string", default: "1" },
        "replay": { type: "string" },
        "missed": { type: "boolean", default: false },
        "save-corpus": { type: "boolean", default: false },
        "libfuzzer": { type: "boolean", default: false }
      }
    }).values
  } catch (cause) {
    return fail(cause.message)
  }
}

const whole = (name, text) => /^\d{1,10}$/.test(text) ? Number(text) : fail(`--${name} takes a whole number`)

const values = parse()
const targets = values.target === "all" ? Object.keys(EXECUTIONS) : [values.target]
if (!targets.every((target) => target in EXECUTIONS)) fail(`no target ${values.target}`)
const seed = whole("seed", values.seed)
const secondsMax = whole("seconds", values.seconds)
const executionsOf = (target) =>
  values.executions === undefined ? EXECUTIONS[target] : whole("executions", values.executions)

const fuzzThread = async (target) => {
  const replay = values.replay !== undefined
  const minimise = values["save-corpus"]
  const inputs = readInputs(replay ? values.replay : corpusPath(target))
  const done = await watch({ target, seed, executions: executionsOf(target), secondsMax, inputs, replay, minimise })
  if (values.missed) process.stdout.write(`missed: ${done.missed.join(" ")}\n`)
  if (minimise && done.ended) writeInputs(corpusPath(target), done.minimised)
  if (replay && done.findings === 0) process.stdout.write("nothing found\n")
  return done.findings
}

const native = {
  executions: executionsOf("native"),
  seed,
  secondsMax,
  replay: values.replay,
  libfuzzer: values.libfuzzer,
  save: values["save-corpus"]
}

let findings = 0
for (const target of targets) {
  findings += target === "native" ? fuzzNative(native) : await fuzzThread(target)
}
process.exit(findings > 0 ? 1 : 0)
