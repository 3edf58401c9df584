/*
 * The switch as a comb: a back with one rail for each row of guests, and the host below. One row is a switch as
 * anybody would draw it; many rows are the line cards of a large one; on a phone there are more rows.
 */

/** Where things are, in pixels. A guest's x and y are those of its box's upper left corner. */
export interface DrawingLayout {
  /** So many guests that a box has room for a name alone. */
  readonly isDense: boolean
  readonly boxWidth: number
  readonly boxHeight: number
  readonly width: number
  readonly height: number
  readonly columns: number
  readonly guests: ReadonlyArray<{ readonly x: number; readonly y: number; readonly railY: number }>
  /** From where to where a rail goes, and its y. */
  readonly rails: ReadonlyArray<{ readonly y: number; readonly fromX: number; readonly toX: number }>
  /** Its link is `linkX` from its box's left side, where it meets no guest's. */
  readonly host: { readonly x: number; readonly y: number; readonly railY: number; readonly linkX: number } | undefined
}

/** Two boxes fit beside each other on a phone. */
const boxWidths = { dense: 92, narrow: 124, wide: 148, wideFrom: 420 } as const
const denseFrom = 25
export const railHeight = 22
const gap = 14
const backWidth = 10

/** @param width of the page's column. */
export const layOut = (width: number, guestCount: number, hasHost: boolean): DrawingLayout => {
  const isDense = guestCount >= denseFrom
  const boxWidth = isDense ? boxWidths.dense : width < boxWidths.wideFrom ? boxWidths.narrow : boxWidths.wide
  const boxHeight = isDense ? 28 : 66
  // Between a box and its rail: room for a link.
  const linkLength = isDense ? 18 : 40
  const left = backWidth + gap
  const columns = Math.max(1, Math.floor((width - left + gap) / (boxWidth + gap)))
  const rows = Math.max(1, Math.ceil(guestCount / columns))
  const rowHeight = boxHeight + linkLength + railHeight + gap
  const used = Math.min(columns, Math.max(guestCount, hasHost ? 1 : 0))
  const between = columns === 1 ? 0 : (boxWidth + gap) / 2
  const railEnd = left + Math.max(used * (boxWidth + gap) - gap, between + boxWidth)
  const rails = Array.from({ length: rows }, (_, row) => ({
    y: guestCount === 0 ? 0 : row * rowHeight + boxHeight + linkLength,
    fromX: 0,
    toX: railEnd
  }))
  const guests = Array.from({ length: guestCount }, (_, i) => {
    const row = Math.floor(i / columns)
    return { x: left + (i % columns) * (boxWidth + gap), y: row * rowHeight, railY: rails[row]!.y }
  })
  const lastY = rails.at(-1)!.y
  const host = hasHost
    ? {
      x: left + between,
      y: lastY + railHeight + linkLength,
      railY: lastY,
      linkX: columns === 1 ? boxWidth - 15 : boxWidth / 2
    }
    : undefined
  return {
    isDense,
    boxWidth,
    boxHeight,
    width: railEnd,
    height: host === undefined ? lastY + railHeight : host.y + boxHeight,
    columns,
    guests,
    rails,
    host
  }
}

/** Pixels of a link's line: nothing flows in a thin one, and ten times as much is a step. */
export const linkWidth = (framesPerSecond: number): number =>
  framesPerSecond <= 0 ? 1 : Math.min(7, 1.5 + Math.log10(1 + framesPerSecond))

/** How fast a link's dashes go: in a few steps, so that they go on evenly while figures change. */
export const flowOf = (framesPerSecond: number): "none" | "slow" | "brisk" | "fast" => {
  if (framesPerSecond <= 0) return "none"
  return framesPerSecond < 20 ? "slow" : framesPerSecond < 2000 ? "brisk" : "fast"
}
