// The goals as a picture: for each ratio its spread, its median, and where the goal is.

const LEFT = 430
const WIDTH = 900
const ROW = 22
const TOP = 46
const FROM = 0.1
const TO = 10

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** Ratios lie on a logarithmic scale: twice as good is as far from one as half as good. */
const x = (ratio) => {
  const bounded = Math.min(TO, Math.max(FROM, ratio))
  return LEFT + ((WIDTH - LEFT - 20) * Math.log(bounded / FROM)) / Math.log(TO / FROM)
}

const text = (at, y, content, anchor = "start") =>
  `<text x="${at}" y="${y}" text-anchor="${anchor}">${escape(content)}</text>`

const goalRow = (row, index) => {
  const y = TOP + index * ROW
  const bound = Number(row.goal.slice(2))
  const color = row.met ? "#1a7f37" : "#b35900"
  return [
    text(8, y + 4, `${row.measure} / ${row.against}`),
    `<line x1="${x(row.least)}" y1="${y}" x2="${x(row.most)}" y2="${y}" stroke="${color}" stroke-width="3"/>`,
    `<circle cx="${x(row.median)}" cy="${y}" r="5" fill="${color}"/>`,
    `<line x1="${x(bound)}" y1="${y - 8}" x2="${x(bound)}" y2="${y + 8}" stroke="#333" stroke-width="2"/>`,
    text(x(bound), y - 9, row.goal, "middle")
  ].join("")
}

export const toPicture = ({ goals, machine }) => {
  const rows = goals.filter((row) => !row.missing && row.unit === "×")
  const height = TOP + rows.length * ROW + 24
  const grid = [0.1, 0.2, 0.5, 1, 2, 5, 10].map((ratio) =>
    `<line x1="${x(ratio)}" y1="30" x2="${x(ratio)}" y2="${height - 16}" stroke="#ddd"/>` +
    text(x(ratio), height - 4, String(ratio), "middle")
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(8, 18, `vknetd against its peers, ${machine.date}: ratio (dot), spread (bar), goal (tick); green is met`),
    ...grid,
    ...rows.map(goalRow),
    "</svg>\n"
  ].join("\n")
}
