/** A plot without axes, `width` by `height` units, of which the newest value is at the right end. */
export interface Sparkline {
  /** Path of the line, and of the area under it. */
  readonly line: string
  readonly area: string
}

/**
 * @param values the oldest first, not negative. @param points how many fill the width.
 *
 * The height is that of the largest value, or of `least` if that is larger: a single frame is no mountain.
 */
export const sparkline = (
  values: ReadonlyArray<number>,
  shape: { readonly points: number; readonly width: number; readonly height: number; readonly least: number }
): Sparkline => {
  const { height, least, points, width } = shape
  if (values.length === 0) return { line: "", area: "" }
  const shown = values.slice(-points)
  const top = Math.max(least, ...shown)
  const step = width / (points - 1)
  const short = (n: number) => String(Math.round(n * 10) / 10)
  const x = (i: number) => short(width - (shown.length - 1 - i) * step)
  const y = (value: number) => short(height - value / top * height)
  const line = shown.map((value, i) => `${i === 0 ? "M" : "L"}${x(i)} ${y(value)}`).join("")
  return { line, area: `${line}L${short(width)} ${short(height)}L${x(0)} ${short(height)}Z` }
}
