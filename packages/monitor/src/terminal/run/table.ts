import type { Paint, Style } from '../colour.js';

/** Spaces between two columns. */
const GAP = '  ';

/** A column of a table whose rows are of type `Row`. */
export interface Column<Row> {
  readonly head: string;
  /** Characters of the widest cell that is expected; the head may be wider. */
  readonly width: number;
  /** Columns with a higher rank leave first where the window is narrow. */
  readonly rank: number;
  readonly text: (row: Row) => string;
  readonly style?: (row: Row) => Style | undefined;
}

/** The columns that fit into `room` characters, at least one. */
export function fitColumns<Row>(
  columns: readonly Column<Row>[],
  room: number,
): readonly Column<Row>[] {
  const kept = [...columns];
  while (kept.length > 1 && widthOf(kept) > room) {
    const last = Math.max(...kept.map(({ rank }) => rank));
    kept.splice(
      kept.findIndex(({ rank }) => rank === last),
      1,
    );
  }
  return kept;
}

/** The line above the rows. */
export function headLine<Row>(columns: readonly Column<Row>[], paint: Paint): string {
  const line = columns.map((column) => column.head.padStart(cellWidth(column))).join(GAP);
  return paint('dim', line.trimEnd());
}

/** A row; numbers end under each other. */
export function rowLine<Row>(columns: readonly Column<Row>[], row: Row, paint: Paint): string {
  return columns
    .map((column) => {
      const text = column.text(row);
      const cell = text.padStart(cellWidth(column));
      const style = column.style?.(row);
      return style === undefined || text === '' ? cell : paint(style, cell);
    })
    .join(GAP)
    .trimEnd();
}

function cellWidth<Row>({ head, width }: Column<Row>): number {
  return Math.max(head.length, width);
}

function widthOf<Row>(columns: readonly Column<Row>[]): number {
  return columns.reduce((sum, column) => sum + cellWidth(column) + GAP.length, -GAP.length);
}
