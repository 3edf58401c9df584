/** What one TCP transfer of iperf3(1) reports with `--json`: megabits a second received, rounded. */
export const megabitsPerSecond = (report: string): number => {
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } }
  return Math.round(end.sum_received.bits_per_second / 1e6)
}
