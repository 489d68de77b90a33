import type { Peak, TaskResult } from './measurements.js';
import { milliseconds, percent, ratio } from './numbers.js';
import { pairsOf } from './ratios.js';
import type { Failure } from './rounds.js';
import { flopsOf } from './tasks.js';
import { labelOf } from './systems.js';

/** Rows of text, each column as wide as its widest cell; the first to the left, others right. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Everything about one task, for people. */
export function describeTask(result: TaskResult): string {
  const { task, measurements, failures } = result;
  const header = ['', 'median ms', 'min', 'spread', 'runs', 'GFLOP/s', 'of peak'];
  const rows = measurements.map(
    ({ system, medianMs, minMs, spread, runs, gflops, peakShare, wrong }) => [
      `  ${labelOf(system)}`,
      milliseconds(medianMs),
      milliseconds(minMs),
      percent(spread),
      String(runs),
      gflops.toPrecision(3),
      peakShare === null ? '' : percent(peakShare),
      ...(wrong === null ? [] : [`WRONG: ${wrong}`]),
    ],
  );
  const ratios = pairsOf(result).map(
    ({ ours, peer, peerOverOurs, peerOverOursMin }) =>
      `  ${labelOf(peer.system)} ÷ ${labelOf(ours.system)}: ${ratio(peerOverOurs)}` +
      (peer.system.name === 'unfold-before' ? ` (min: ${ratio(peerOverOursMin)})` : ''),
  );
  return [
    `${task.name} (${(flopsOf(task) / 1e6).toPrecision(4)} MFLOP)`,
    alignColumns([header, ...rows]),
    ...describePeaks(result.peaks),
    ...describeFailures(failures),
    ...ratios,
    '',
  ].join('\n');
}

/** A line for each reason. */
function describeFailures(failures: readonly Failure[]): string[] {
  return [...new Set(failures.map(({ reason }) => reason))].map((reason) => {
    const systems = failures.filter((failure) => failure.reason === reason);
    return `  ${systems.map(({ system }) => labelOf(system)).join(', ')}: not timed: ${reason}`;
  });
}

/** A line for each setting, fused and unfused in it. */
function describePeaks(peaks: readonly Peak[]): string[] {
  return peaks
    .filter(({ system }) => system.name === 'peak')
    .map(({ system, gflops }) => {
      const unfused = peaks.find(
        (other) =>
          other.system.name === 'peak-unfused' &&
          other.system.threads === system.threads &&
          other.system.simd === system.simd,
      );
      const rest = unfused ? `, ${unfused.gflops.toPrecision(3)} unfused` : '';
      return `  ${labelOf(system)}: ${gflops.toPrecision(3)} GFLOP/s in registers${rest}`;
    });
}
