import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as Counters from "../../src/domain/Counters.ts"
import { Reason, Refusal } from "../../src/domain/Reason.ts"
import * as MetricsText from "../../src/services/MetricsText.ts"

const { Column, ROW } = Counters

const counters = Counters.make(4)
const set = (row: number, column: number, value: number) => void (counters.values[row * ROW + column] = value)
set(0, Column.sentFrames, 5)
set(2, Column.receivedFrames, 7)
set(2, Column.receivedBytes, 700)
set(2, Column.forwardedFrames, 4)
set(2, Column.denied + Reason.ARP_SPA_HOST, 3)
set(2, Column.dropped + Reason.EGRESS_FULL, 2)
set(4, Column.receivedFrames, 11)
set(4, Column.denied + Reason.RUNT, 1)
counters.refused[Refusal.CONN_LIMIT] = 9

const gauges: MetricsText.Gauges = {
  version: "1.2.3",
  mode: "secure",
  startedSeconds: 1_700_000_000,
  openPorts: [0, 2],
  guests: 1,
  guestsMax: 16,
  tapUp: true,
  plane: { stations: 3, moves: 8 }
}

const golden = `# HELP vknetd_build_info What is running; always 1.
# TYPE vknetd_build_info gauge
vknetd_build_info{version="1.2.3",mode="secure"} 1
# HELP vknetd_start_time_seconds When the switch started, in seconds since 1970.
# TYPE vknetd_start_time_seconds gauge
vknetd_start_time_seconds 1700000000
# HELP vknetd_answering 1 if the forwarding thread answered in time.
# TYPE vknetd_answering gauge
vknetd_answering 1
# HELP vknetd_tap_up 1 if the switch has its tap.
# TYPE vknetd_tap_up gauge
vknetd_tap_up 1
# HELP vknetd_guests Guests connected.
# TYPE vknetd_guests gauge
vknetd_guests 1
# HELP vknetd_guests_limit Guests that may be connected at once.
# TYPE vknetd_guests_limit gauge
vknetd_guests_limit 16
# HELP vknetd_stations Stations known.
# TYPE vknetd_stations gauge
vknetd_stations 3
# HELP vknetd_station_moves_total Stations that showed up at another port.
# TYPE vknetd_station_moves_total counter
vknetd_station_moves_total 8
# HELP vknetd_port_receive_frames_total Frames that came from the port.
# TYPE vknetd_port_receive_frames_total counter
vknetd_port_receive_frames_total{port="0"} 0
vknetd_port_receive_frames_total{port="2"} 7
vknetd_port_receive_frames_total{port="closed"} 11
# HELP vknetd_port_receive_bytes_total Octets that came from the port.
# TYPE vknetd_port_receive_bytes_total counter
vknetd_port_receive_bytes_total{port="0"} 0
vknetd_port_receive_bytes_total{port="2"} 700
vknetd_port_receive_bytes_total{port="closed"} 0
# HELP vknetd_port_forward_frames_total Frames that came from the port and went on.
# TYPE vknetd_port_forward_frames_total counter
vknetd_port_forward_frames_total{port="0"} 0
vknetd_port_forward_frames_total{port="2"} 4
vknetd_port_forward_frames_total{port="closed"} 0
# HELP vknetd_port_transmit_frames_total Frames that left by the port.
# TYPE vknetd_port_transmit_frames_total counter
vknetd_port_transmit_frames_total{port="0"} 5
vknetd_port_transmit_frames_total{port="2"} 0
vknetd_port_transmit_frames_total{port="closed"} 0
# HELP vknetd_port_transmit_bytes_total Octets that left by the port.
# TYPE vknetd_port_transmit_bytes_total counter
vknetd_port_transmit_bytes_total{port="0"} 0
vknetd_port_transmit_bytes_total{port="2"} 0
vknetd_port_transmit_bytes_total{port="closed"} 0
# HELP vknetd_port_denied_frames_total Frames that came from the port and go nowhere.
# TYPE vknetd_port_denied_frames_total counter
vknetd_port_denied_frames_total{port="2",reason="ARP_SPA_HOST"} 3
vknetd_port_denied_frames_total{port="closed",reason="RUNT"} 1
# HELP vknetd_port_dropped_frames_total Frames that were to leave by the port and did not.
# TYPE vknetd_port_dropped_frames_total counter
vknetd_port_dropped_frames_total{port="2",reason="EGRESS_FULL"} 2
# HELP vknetd_connections_refused_total Connections that were refused.
# TYPE vknetd_connections_refused_total counter
vknetd_connections_refused_total{reason="CONN_LIMIT"} 9
vknetd_connections_refused_total{reason="CONN_UID_LIMIT"} 0
vknetd_connections_refused_total{reason="CONN_DENIED"} 0
vknetd_connections_refused_total{reason="CONN_ERROR"} 0
`

describe("metrics", () => {
  it("go on for the tap while it is lost", () => {
    const lost = MetricsText.format(counters, { ...gauges, openPorts: [2], tapUp: false })
    assert.strictEqual(lost, golden.replace("\nvknetd_tap_up 1", "\nvknetd_tap_up 0"))
  })

  it("are Prometheus' text", () => {
    assert.strictEqual(MetricsText.format(counters, gauges), golden)
  })

  it("leave out what is not known and what is not there", () => {
    const text = MetricsText.format(counters, { ...gauges, plane: undefined, tapUp: undefined })
    assert.include(text, "\nvknetd_answering 0\n")
    for (const name of ["tap_up", "stations ", "station_moves_total"]) assert.notInclude(text, `vknetd_${name}`)
  })

  it("escape what a label may not hold", () => {
    const text = MetricsText.format(counters, { ...gauges, version: "a\"b\\c\nd" })
    assert.include(text, "version=\"a\\\"b\\\\c\\nd\"")
  })

  it("and the alert rules are what promtool expects", () => {
    const promtool = (words: ReadonlyArray<string>, input = "") => {
      const options = { encoding: "utf8", input, timeout: 20_000 } as const
      const { error, status, stderr, stdout } = spawnSync("promtool", words, options)
      assert.isUndefined(error, "promtool is missing: install Debian's prometheus")
      assert.strictEqual(status, 0, stdout + stderr)
      return stderr
    }
    assert.strictEqual(promtool(["check", "metrics"], MetricsText.format(counters, gauges)), "")
    promtool(["check", "rules", "share/prometheus/vknetd.rules.yml"])
  })
})
