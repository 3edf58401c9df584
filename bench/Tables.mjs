// Tables, for a terminal and for Markdown.

const digits = (value) => {
  if (value === undefined || !Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  if (size >= 100) return value.toFixed(0)
  return size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

const goalCells = (row) => [
  row.measure,
  row.against,
  row.goal,
  row.missing ? "–" : `${digits(row.median)}${row.unit === "×" ? "" : ` ${row.unit}`}`.trim(),
  row.missing ? "" : `${digits(row.least)} … ${digits(row.most)}`,
  row.limit === undefined ? "" : digits(row.limit),
  row.missing ? "not measured" : row.met ? "yes" : "no"
]

export const goalTable = (rows) => ({
  head: ["measure", "against", "goal", "found", "spread", "pumpN", "met"],
  rows: rows.map(goalCells)
})

export const figureTable = (figures) => ({
  head: ["workload", "switch", "k frames/s", "CPU ns a frame", "lost", "p50 / p99 / p99.9 us"],
  rows: figures.map((figure) => [
    figure.key,
    figure.peer,
    digits(figure.framesPerSecond === undefined ? undefined : figure.framesPerSecond / 1000),
    digits(figure.cpuNsPerFrame),
    figure.lostShare === undefined || figure.lostShare === 0 ? "" : `${digits(figure.lostShare * 100)} %`,
    figure.p50us === undefined ? "" : [figure.p50us, figure.p99us, figure.p999us].map(digits).join(" / ")
  ])
})

export const tapTable = (tap) => ({
  head: ["switch", "host to guest Gbit/s", "guest to host Gbit/s", "sent again"],
  rows: tap.map(({ peer, resent, toGuest, toHost }) => [
    peer,
    digits(toGuest / 1e9),
    digits(toHost / 1e9),
    resent === undefined ? "–" : String(resent)
  ])
})

export const policyTable = (rows) => ({
  head: ["passes", "ns a frame", "spread"],
  rows: rows.map(({ least, median, most, name }) => [name, digits(median), `${digits(least)} … ${digits(most)}`])
})

/** A rare call is one that is seldomer than every thousandth frame. */
const RARE = 0.001

export const profileTable = ({ calls, collections, time }) => ({
  head: ["of a frame, 60 octets, window 256", ""],
  rows: [
    ...(calls ?? []).filter((call) => call.calls >= RARE)
      .map(({ calls, name }) => [`calls of ${name}(2)`, calls.toFixed(3)]),
    ...(calls === undefined ? [] : [["calls in all", calls.reduce((sum, { calls }) => sum + calls, 0).toFixed(3)]]),
    ["JavaScript, of the forwarding thread's time", `${digits(time.javascript * 100)} %`],
    ["collecting, of the forwarding thread's time", `${digits(time.collecting * 100)} %`],
    [`collections in ${(collections.frames / 1000).toFixed(0)} thousand frames, all threads`, String(collections.count)]
  ]
})

export const toText = ({ head, rows }) => {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((cells) => cells[i].length)))
  const line = (cells) => cells.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd()
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n")
}

export const toMarkdown = ({ head, rows }) => {
  const line = (cells) => `| ${cells.join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}
