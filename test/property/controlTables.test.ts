import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { controlForms } from "../../src/cli/ControlForms.ts"
import * as ControlTables from "../../src/cli/ControlTables.ts"
import { ControlError } from "../../src/cli/ControlClient.ts"
import { readControlArguments } from "../../src/cli/ControlArguments.ts"
import { pairs, table } from "../../src/cli/Table.ts"
import { topTable } from "../../src/cli/TopTable.ts"
import type { Port, PortAction, Status } from "../../src/services/ControlAnswers.ts"
import * as Control from "../../src/services/ControlSchema.ts"
import { age, scaled } from "../../src/services/Figures.ts"
import { rates } from "../../src/services/PortRate.ts"

const guest: Port = {
  port: 2,
  kind: "guest",
  uid: 1000,
  user: "alice",
  pid: 4242,
  command: "linux.uml",
  started: "2026-11-24T09:00:00Z",
  ageSeconds: 7265,
  stations: 1,
  receivedFrames: 12,
  receivedBytes: 3456,
  sentFrames: 7,
  sentBytes: 890,
  deniedFrames: 3,
  droppedFrames: 1,
  flags: ["isolated", "pinned"],
  reasons: [{ reason: "ARP_SPA_HOST", frames: 3 }, { reason: "EGRESS_FULL", frames: 1 }]
}

const tap: Port = {
  ...guest,
  port: 0,
  kind: "tap",
  uid: null,
  user: null,
  pid: null,
  command: null,
  started: null,
  stations: null,
  deniedFrames: 0,
  droppedFrames: 0,
  flags: null,
  reasons: []
}

const lines = (text: string) => {
  assert.match(text, /\n$/)
  return text.slice(0, -1).split("\n")
}

describe("tables", () => {
  it("of ports have the fields of the answer in their order", () => {
    assert.deepStrictEqual(lines(ControlTables.ports([tap, guest])), [
      "PORT  KIND    UID  USER    PID  COMMAND    STARTED                AGE  "
      + "STATIONS  RX-FRAMES  RX-BYTES  TX-FRAMES  TX-BYTES  DENIED  "
      + "DROPPED  FLAGS            REASONS",
      "   0  tap       -  -         -  -          -                     2h01         "
      + "-         12      3456          7       890       0  "
      + "      0  -                -",
      "   2  guest  1000  alice  4242  linux.uml  2026-11-24T09:00:00Z  2h01         "
      + "1         12      3456          7       890       3  "
      + "      1  isolated,pinned  ARP_SPA_HOST:3,EGRESS_FULL:1"
    ])
    assert.strictEqual(
      lines(ControlTables.ports([]))[0]!.split(/\s+/).filter((word) => word !== "").length,
      Object.keys(Control.Port.fields).length
    )
  })

  it("of stations, drops and moves have the fields of the answers in their order", () => {
    assert.deepStrictEqual(
      lines(ControlTables.stations([{ port: 11, address: "02:00:00:00:00:01", ageSeconds: 99, static: true }])),
      ["PORT  ADDRESS            AGE  STATIC", "  11  02:00:00:00:00:01  99s  yes"]
    )
    assert.deepStrictEqual(
      lines(ControlTables.drops({
        drops: [
          { port: 1, stage: "denied", reason: "RUNT", frames: 12 },
          { port: null, stage: "dropped", reason: "EGRESS_FULL", frames: 3456 }
        ],
        refusals: [{ reason: "CONN_LIMIT", connections: 2 }]
      })),
      [
        "  PORT  STAGE    REASON       FRAMES",
        "     1  denied   RUNT             12",
        "closed  dropped  EGRESS_FULL    3456",
        "",
        "REASON      CONNECTIONS",
        "CONN_LIMIT            2"
      ]
    )
    assert.deepStrictEqual(
      lines(ControlTables.moves([
        { address: "02:00:00:00:00:01", from: 1, to: 12, time: "2026-01-02T03:04:05Z", count: 7 }
      ])),
      [
        "ADDRESS            FROM  TO  TIME                  COUNT",
        "02:00:00:00:00:01     1  12  2026-01-02T03:04:05Z      7"
      ]
    )
    for (
      const [text, fields] of [
        [ControlTables.stations([]), Control.Station.fields],
        [ControlTables.drops({ drops: [], refusals: [] }), Control.Drop.fields],
        [ControlTables.moves([]), Control.Move.fields]
      ] as const
    ) {
      const names = lines(text)[0]!.trim().split(/\s+/).map((name) => name.toLowerCase())
      assert.deepStrictEqual(names, Object.keys(fields).map((field) => field.replace("Seconds", "").toLowerCase()))
    }
  })

  it("of the status have one line a field", () => {
    const status = Object.fromEntries(Object.keys(Control.Status.fields).map((name) => [name, null]))
    const names = lines(ControlTables.status(status as unknown as Status)).map((line) => line.split(" ")[0])
    assert.strictEqual(names.length, Object.keys(Control.Status.fields).length)
    assert.deepStrictEqual(names.slice(0, 3), ["version", "pid", "started"])
    assert.include(names, "station-age-seconds")
  })

  it.prop("align every column and show no control character", [
    fc.array(fc.tuple(fc.fullUnicodeString(), fc.fullUnicodeString({ maxLength: 9 })), { maxLength: 5 })
  ], ([rows]) => {
    const text = table([{ name: "A" }, { name: "B", right: true }, { name: "C" }], rows.map((row) => [...row, "c"]))
    assert.strictEqual(text.split("\n").length, rows.length + 2)
    assert.strictEqual(new Set(lines(text).map((line) => line.length)).size, 1)
    assert.notMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Zl}\p{Zp}]/u)
    assert.notMatch(pairs([["name", rows.flat().join("")]]).slice(0, -1), /[\p{Cc}\p{Zl}\p{Zp}]/u)
  })

  it("tell ages in a few characters", () => {
    assert.deepStrictEqual(
      [0, 99, 100, 5999, 6000, 359_999, 360_000, 8_640_000].map(age),
      ["0s", "99s", "1m40", "99m59", "1h40", "99h59", "4d04h", "100d00h"]
    )
  })

  it("tell what was done in one line", () => {
    const said = (action: PortAction, stations = 0) => ControlTables.portChange({ port: 3, action, stations })
    assert.strictEqual(said("pin", 1), "port 3: pinned, 1 static station\n")
    assert.strictEqual(said("pin", 2), "port 3: pinned, 2 static stations\n")
    for (const action of Control.PortAction.literals) assert.match(said(action), /^port 3: [a-z ,0-9]+\n$/)
    assert.strictEqual(ControlTables.setting({ key: "log-level", value: "info" }), "log-level info\n")
  })
})

describe("rates", () => {
  it("are those between two samples, the busiest port first", () => {
    const before = { timeMs: 1000, ports: [tap, guest] }
    const after = {
      timeMs: 3000,
      ports: [{ ...tap, sentBytes: tap.sentBytes + 10 }, {
        ...guest,
        receivedFrames: 112,
        receivedBytes: 103_456,
        deniedFrames: 23
      }]
    }
    assert.deepStrictEqual(rates(before, after).map((rate) => rate.port), [2, 0])
    assert.deepStrictEqual(lines(topTable(rates(before, after))), [
      "PORT  USER   COMMAND    RX-FRAMES/s  RX-BIT/s  TX-FRAMES/s  TX-BIT/s  LOST/s",
      "   2  alice  linux.uml           50      400k            0         0      10",
      "   0  -      (tap)                0         0            0        40       0"
    ])
  })

  it("count a new guest of an old number from nothing", () => {
    const after = { timeMs: 1000, ports: [{ ...guest, pid: 5, receivedFrames: 30, receivedBytes: 100 }] }
    assert.deepInclude(rates({ timeMs: 0, ports: [guest] }, after)[0], { receivedFramesPerSecond: 30 })
    const same = { timeMs: 5, ports: [guest] }
    assert.deepInclude(rates(same, same)[0], { receivedFramesPerSecond: 0, sentBitsPerSecond: 0 })
  })

  it("are told in three digits", () => {
    assert.deepStrictEqual(
      [0, 999, 1000, 9994, 9996, 99_940, 99_960, 999_400, 999_600, 4_560_000_000, 1e15].map(scaled),
      ["0", "999", "1.00k", "9.99k", "10.0k", "99.9k", "100k", "999k", "1.00M", "4.56G", "1000T"]
    )
  })
})

describe("the command lines of a running switch", () => {
  const read = (...argv: ReadonlyArray<string>) => readControlArguments(argv)
  const refused = (...argv: ReadonlyArray<string>) => {
    try {
      return `taken as ${JSON.stringify(read(...argv))}`
    } catch (cause) {
      return cause instanceof ControlError ? cause.message : String(cause)
    }
  }

  it("take -p and --json anywhere", () => {
    const expected = { command: "port", operands: ["2", "pin"], socketPath: "x", json: true }
    for (
      const argv of [
        ["-p", "x", "--json", "2", "pin"],
        ["2", "pin", "--json", "-px"],
        ["2", "-p", "x", "pin", "--json"]
      ]
    ) {
      assert.deepStrictEqual(read("port", ...argv), expected)
    }
    assert.deepStrictEqual(read("status"), {
      command: "status",
      operands: [],
      socketPath: "/var/run/vknet",
      json: false
    })
  })

  it("say what is wrong in one line", () => {
    const usage = "(usage: vknetd status [-p socket_path] [--json])"
    assert.strictEqual(refused("status", "x"), `surplus operand x ${usage}`)
    assert.strictEqual(refused("status", "-x"), `unknown option -x ${usage}`)
    assert.strictEqual(refused("status", "--bogus=1"), `unknown option --bogus ${usage}`)
    assert.strictEqual(refused("status", "--constructor"), `unknown option --constructor ${usage}`)
    assert.strictEqual(refused("status", "-p"), `option -p needs a value ${usage}`)
    assert.strictEqual(refused("status", "--json=1"), `option --json takes no value ${usage}`)
    assert.strictEqual(refused("status", "-p", ""), "-p '': give a path")
    assert.match(refused("port", "2"), /^something is missing \(usage: vknetd port /)
    assert.match(
      refused("set", "log-level"),
      /^something is missing .* log-level\|mac-age\|storm-rate\|arp-rate VALUE\)$/
    )
  })

  it("explain themselves, every one", () => {
    for (const { name } of controlForms) {
      const help = read(name, "--help")
      assert.isString(help)
      assert.match(String(help), new RegExp(`^usage: vknetd ${name} \\[-p socket_path\\] [^\\n]+\\n.+$`))
    }
  })
})
