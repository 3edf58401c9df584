// Figures as people read them: in a terminal and on the page.

/** `90s`, `12m03`, `5h07`, `3d04h`: five characters at most up to 9 days. */
export const age = (seconds: number): string => {
  const two = (n: number) => String(Math.floor(n)).padStart(2, "0")
  if (seconds < 100) return `${seconds}s`
  if (seconds < 6000) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}`
  if (seconds < 100 * 3600) return `${Math.floor(seconds / 3600)}h${two((seconds % 3600) / 60)}`
  return `${Math.floor(seconds / 86_400)}d${two((seconds % 86_400) / 3600)}h`
}

/** `950`, `12.3k`, `4.56G`: three digits that matter. */
export const scaled = (value: number): string => {
  if (value < 1000) return String(value)
  let scale = value
  let unit = ""
  for (const next of ["k", "M", "G", "T"]) {
    if (scale < 999.5) break
    scale /= 1000
    unit = next
  }
  return `${scale.toFixed(scale < 9.995 ? 2 : scale < 99.95 ? 1 : 0)}${unit}`
}
