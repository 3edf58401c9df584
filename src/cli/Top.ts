import * as Answers from "../services/ControlAnswers.ts"
import { rates } from "../services/PortRate.ts"
import { ask, follow } from "./ControlClient.ts"
import { topTable } from "./TopTable.ts"

const alternate = { enter: "\u001b[?1049h\u001b[?25l", leave: "\u001b[?25h\u001b[?1049l" } as const
const home = "\u001b[H"
const clearBelow = "\u001b[J"
const clearRight = "\u001b[K"

/** How far apart the two samples are of which a single table is made. */
const onceMs = 1000

/**
 * The ports by their rates: redrawn each second on a terminal until q, control-C or the end of the switch; else
 * one table, or one line of JSON, of one second.
 */
export const runTop = async (socket: string, json: boolean): Promise<void> =>
  process.stdout.isTTY && !json ? await live(socket) : await once(socket, json)

const once = async (socket: string, json: boolean): Promise<void> => {
  const first = await ask(socket, "GET", "/ports", Answers.ports)
  const startMs = performance.now()
  await new Promise((resolve) => setTimeout(resolve, onceMs))
  const second = await ask(socket, "GET", "/ports", Answers.ports)
  const rows = rates(
    { timeMs: startMs, ports: first.ports },
    { timeMs: performance.now(), ports: second.ports }
  )
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : topTable(rows))
}

const live = async (socket: string): Promise<void> => {
  const ending = new AbortController()
  const { stdin, stdout } = process
  const end = () => ending.abort()
  const raw = stdin.isTTY
  let drawn = false
  let previous: Answers.Sample | undefined
  const draw = (sample: Answers.Sample): void => {
    if (!drawn) stdout.write(alternate.enter)
    drawn = true
    const rows = rates(previous ?? sample, sample)
    previous = sample
    const title = `vknetd top, ${rows.length} ${rows.length === 1 ? "port" : "ports"}, q ends`
    const lines = [sample.answered ? title : `${title}; the forwarding thread does not answer`, "", ...topTable(rows)
      .trimEnd().split("\n")]
    // A terminal that does not know its size says 0.
    const { columns, rows: height } = stdout
    const shown = lines.slice(0, height > 1 ? height - 1 : lines.length)
      .map((line) => line.slice(0, columns > 0 ? columns : line.length))
    stdout.write(home + shown.map((line) => `${line}${clearRight}\r\n`).join("") + clearBelow)
  }
  process.on("SIGINT", end).on("SIGTERM", end)
  if (raw) {
    stdin.setRawMode(true)
    stdin.on("data", (keys: Buffer) => {
      // In raw mode control-C and control-D are characters like others.
      if (["q", "Q", "\u0003", "\u0004"].some((key) => keys.includes(key))) end()
    })
  }
  try {
    await follow(socket, "/watch", Answers.sample, ending.signal, draw)
  } finally {
    if (drawn) stdout.write(alternate.leave)
    if (raw) {
      stdin.setRawMode(false)
      stdin.pause()
    }
  }
}
