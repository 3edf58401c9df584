// Medians and their spread. What is compared is compared within a round, where the machine was the same.

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Median, least and greatest; undefined when there is none. */
export const summary = (values) => {
  const known = values.filter((value) => Number.isFinite(value))
  if (known.length === 0) return undefined
  return { median: median(known), least: Math.min(...known), most: Math.max(...known), count: known.length }
}

/** Ratio of two series round by round. */
export const ratio = (ours, theirs) =>
  summary(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)))
