// docs/performance.md, from one run.
import { figureTable, goalTable, policyTable, profileTable, tapTable, toMarkdown } from "./Tables.mjs"

const percent = (share) => `${(share * 100).toFixed(0)} %`

const machineTable = (machine, strangers) => ({
  head: ["", ""],
  rows: [
    ["date", machine.date],
    ["processor", `${machine.processor}, ${machine.processors} of them, ${machine.memoryGigabytes} GB of memory`],
    ["kernel", `Linux ${machine.kernel}`],
    ["Node", machine.node],
    ["C compiler", machine.compiler],
    ["vde_switch", machine.vdeSwitch],
    ["iperf3", machine.iperf3],
    ["others meanwhile", `${percent(strangers.median)} of the processors, at most ${percent(strangers.most)}`],
    ["placing", machine.placing]
  ]
})

const unmet = (goals) => goals.filter((row) => !row.missing && !row.met)

export const toPage = (report) => `# Performance

Written by \`npm run bench -- ${report.quick ? "--quick --record" : "--record"}\`; not edited by hand.
Medians of ${report.rounds} rounds in which
the switches took turns; a ratio is that of two figures of the same round, and its spread the least and the
greatest of the rounds. Absolute figures hold for this machine and this hour only.

${toMarkdown(machineTable(report.machine, report.strangers))}

Guests are one load generator in C, one system call per frame. The switch is \`vknetd\` in secure mode with all
rules; frames are whole UDP datagrams from distinct addresses that those rules let through.
\`pump1\`, \`pump1T\` and \`pumpN\`
decide nothing: one read and one write per frame in one thread, in a thread per port, and 64 frames a call. CPU is
user and system time of all the switch's threads. The kernel's bridge works within the guests' own system calls.
Where broadcasts are measured, the daemon's limit on them is out of the way.

## Goals

The column \`pumpN\` is what that one, which decides nothing at all, reaches of the same in the same rounds.

${toMarkdown(goalTable(report.goals))}

${unmet(report.goals).length === 0 ? "All of them are met."
  : `${unmet(report.goals).length} of ${report.goals.length} are not met.`}

What is behind those that are missed, and what was tried: [decision 21](decisions/0021-what-is-not-reached.md).

![The goals as a picture](performance.svg)

## Figures

In a name, \`2p\` is the number of ports, \`w64\` how many frames of a pair are on their way,
and 60, 512 or 1514 the octets
of a frame. A broadcast counts once for each guest that got it.

${toMarkdown(figureTable(report.figures))}

## TCP between the host and a guest

One iperf3 stream between two network namespaces, through the switch's tap and a guest that is itself a tap. The
pumps have the buffers that \`vknetd\` gives its guests; \`pump1k\` is \`pump1\` with those that the kernel gives, as a
plain program has.

${report.tap.length === 0 ? "Not measured here." : toMarkdown(tapTable(report.tap))}

## Passes alone

${toMarkdown(policyTable(report.policy))}

## Profile

From \`strace -c\`, Node's \`--cpu-prof\` and \`--trace-gc\`, one after the other; each slows the switch down, so these
are counts and shares.

${report.profile === undefined ? "Not measured here." : toMarkdown(profileTable(report.profile))}
${report.remarks.length === 0 ? "" : `\n## Remarks\n\n${remarksOf(report)}\n`}`

function remarksOf(report) {
  return report.remarks.map((text) => `- ${text.replace(/\s+/g, " ")}`).join("\n")
}
