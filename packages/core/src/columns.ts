/** How many columns hold words; those behind them hold numbers. */
const WORDS = 2;

/** Lines whose columns are as wide as their longest cell: words to the left, numbers to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const width = widths[i];
        return i < WORDS ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
