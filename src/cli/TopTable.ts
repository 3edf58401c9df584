import { scaled } from "../services/Figures.ts"
import type { Rate } from "../services/PortRate.ts"
import { cell, table } from "./Table.ts"

export const topTable = (rows: ReadonlyArray<Rate>): string =>
  table(
    [
      { name: "PORT", right: true },
      { name: "USER" },
      { name: "COMMAND" },
      { name: "RX-FRAMES/s", right: true },
      { name: "RX-BIT/s", right: true },
      { name: "TX-FRAMES/s", right: true },
      { name: "TX-BIT/s", right: true },
      { name: "LOST/s", right: true }
    ],
    rows.map((rate) => [
      cell(rate.port),
      cell(rate.user),
      cell(rate.command),
      scaled(rate.receivedFramesPerSecond),
      scaled(rate.receivedBitsPerSecond),
      scaled(rate.sentFramesPerSecond),
      scaled(rate.sentBitsPerSecond),
      scaled(rate.lostFramesPerSecond)
    ])
  )
