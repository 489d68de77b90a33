import type { CSSProperties } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { GRID_TEXTS } from '../texts/grid.js';
import '../style/number-grid.css';

export interface GridCell {
  readonly row: number;
  readonly column: number;
}

/** How a cell looks, and what it is called. */
export interface CellLook {
  readonly text: string;
  /** For who doesn't see where it stands: `out[0, 0, 1, 1] is 94`. */
  readonly name: string;
  readonly class?: string;
  /** From −1 to 1: a colour behind the number; none for 0. */
  readonly tint?: number;
  /** A small second number in the corner, which the name has to say in words. */
  readonly note?: string;
}

export interface NumberGridProps {
  readonly label: string;
  readonly rows: number;
  readonly columns: number;
  readonly look: (cell: GridCell) => CellLook;
  /** Headers of rows and columns; their numbers by default. */
  readonly rowName?: (row: number) => string;
  readonly columnName?: (column: number) => string;
  /** The longest text of a cell, in characters: what a column's width is made from. */
  readonly characters: number;
  /** As many rows are shown at once, at most. */
  readonly maxRows?: number;
  /** As many columns are shown at once, at most; where the place is narrower, fewer. */
  readonly maxColumns?: number;
  /** Whether it takes all the width that there is, or as much as it needs of the given. */
  readonly room: 'all' | number;
  /** Cells that are held in sight when they change, the first before the others. */
  readonly follow: readonly GridCell[];
  /** The pointer is over a cell; null when it left. */
  readonly onPoint?: (cell: GridCell | null) => void;
  /** A cell has got the focus, was tapped or clicked. */
  readonly onChoose?: (cell: GridCell) => void;
}

interface Origin {
  readonly row: number;
  readonly column: number;
}

const FONT = 8.3;
const PADDING = 12;

/**
 * Numbers as a table, of which a window is shown where it is larger than its place. One cell is in the order
 * of tabs; arrows, Home, End, Page Up and Down go on from it, and the window goes along.
 */
export function NumberGrid(props: NumberGridProps) {
  const { label, rows, columns, look, follow, onPoint, onChoose } = props;
  const { rowName = String, columnName = String } = props;
  const id = useId();
  const wrapper = useRef<HTMLDivElement>(null);
  const table = useRef<HTMLTableElement>(null);
  const [measured, setMeasured] = useState(320);
  const [origin, setOrigin] = useState<Origin>({ row: 0, column: 0 });
  const [current, setCurrent] = useState<GridCell | null>(null);
  const wantsFocus = useRef(false);
  const followed = useRef('');

  const isMeasured = props.room === 'all';
  useLayoutEffect(() => {
    const element = wrapper.current;
    if (!isMeasured || !element) return;
    const measure = (): void => setMeasured(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [isMeasured]);

  const cellWidth = Math.ceil(Math.max(2, props.characters) * FONT + PADDING);
  const headerWidth = Math.ceil(
    Math.max(...[0, rows - 1].map((row) => rowName(row).length)) * 7.5 + 12,
  );
  const space = (props.room === 'all' ? measured : props.room) - headerWidth - 4;
  const shownColumns = Math.max(
    1,
    Math.min(columns, props.maxColumns ?? columns, Math.floor(space / cellWidth)),
  );
  const shownRows = Math.min(rows, props.maxRows ?? 12);

  // The window moves as little as it takes to hold what is followed, and only when that has changed: who
  // moves the window by hand keeps it.
  const wanted = follow.map(({ row, column }) => `${row},${column}`).join(' ');
  let { row: top, column: left } = origin;
  if (wanted !== followed.current) {
    for (const { row, column } of [...follow].reverse()) {
      top = held(top, row, shownRows);
      left = held(left, column, shownColumns);
    }
  }
  followed.current = wanted;
  top = clamped(top, rows - shownRows);
  left = clamped(left, columns - shownColumns);
  useLayoutEffect(() => {
    if (top !== origin.row || left !== origin.column) setOrigin({ row: top, column: left });
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    table.current?.querySelector<HTMLElement>('td[tabindex="0"]')?.focus();
  });

  const isShown = ({ row, column }: GridCell): boolean =>
    row >= top && row < top + shownRows && column >= left && column < left + shownColumns;
  const first = { row: top, column: left };
  const tabStop = [current, ...follow].find((cell) => cell !== null && isShown(cell)) ?? first;

  const go = (to: GridCell): void => {
    const next = { row: clamped(to.row, rows - 1), column: clamped(to.column, columns - 1) };
    wantsFocus.current = true;
    setCurrent(next);
    setOrigin({
      row: held(top, next.row, shownRows),
      column: held(left, next.column, shownColumns),
    });
    onChoose?.(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { row, column } = tabStop;
    const all = event.ctrlKey || event.metaKey;
    if (event.altKey || (all && event.key !== 'Home' && event.key !== 'End')) return;
    const moves: Readonly<Record<string, GridCell>> = {
      ArrowUp: { row: row - 1, column },
      ArrowDown: { row: row + 1, column },
      ArrowLeft: { row, column: column - 1 },
      ArrowRight: { row, column: column + 1 },
      Home: { row: all ? 0 : row, column: 0 },
      End: { row: all ? rows - 1 : row, column: columns - 1 },
      PageUp: { row: row - shownRows, column },
      PageDown: { row: row + shownRows, column },
    };
    const to = moves[event.key];
    if (!to) return;
    event.preventDefault();
    go(to);
  };

  const visibleRows = range(top, shownRows);
  const visibleColumns = range(left, shownColumns);
  const style = { '--cell': `${cellWidth}px`, '--head': `${headerWidth}px` } as CSSProperties;
  return (
    <div class={`number-grid ${isMeasured ? 'measured' : ''}`} ref={wrapper} style={style}>
      <table
        ref={table}
        role="grid"
        aria-label={label}
        aria-rowcount={rows + 1}
        aria-colcount={columns + 1}
        onKeyDown={onKeyDown}
        onPointerLeave={() => onPoint?.(null)}
      >
        <thead>
          <tr aria-rowindex={1}>
            <td class="corner" aria-hidden="true" />
            {visibleColumns.map((column) => (
              <th key={column} scope="col" aria-colindex={column + 2}>
                {columnName(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {visibleRows.map((row) => (
            <tr key={row} aria-rowindex={row + 2}>
              <th scope="row" aria-colindex={1}>
                {rowName(row)}
              </th>
              {visibleColumns.map((column) => {
                const cell = { row, column };
                const { text, name, note, tint = 0, ...rest } = look(cell);
                const isStop = tabStop.row === row && tabStop.column === column;
                return (
                  <td
                    key={column}
                    class={`${rest.class ?? ''} ${tint < 0 ? 'below' : tint > 0 ? 'above' : ''}`}
                    style={
                      tint === 0 ? undefined : { '--tint': `${Math.min(1, Math.abs(tint)) * 38}%` }
                    }
                    tabIndex={isStop ? 0 : -1}
                    aria-colindex={column + 2}
                    aria-label={name}
                    data-note={note}
                    data-row={row}
                    data-column={column}
                    onPointerEnter={(event) => {
                      if (event.pointerType === 'mouse') onPoint?.(cell);
                    }}
                    onFocus={() => {
                      setCurrent(cell);
                      onChoose?.(cell);
                    }}
                    onClick={(event) => {
                      // Some browsers focus no cell that is tapped.
                      event.currentTarget.focus();
                      onChoose?.(cell);
                    }}
                  >
                    {text}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <Scrub
        id={`${id}-rows`}
        text={GRID_TEXTS.rows}
        first={top}
        shown={shownRows}
        all={rows}
        onMove={(row) => setOrigin({ row, column: left })}
      />
      <Scrub
        id={`${id}-columns`}
        text={GRID_TEXTS.columns}
        first={left}
        shown={shownColumns}
        all={columns}
        onMove={(column) => setOrigin({ row: top, column })}
      />
    </div>
  );
}

interface ScrubProps {
  readonly id: string;
  readonly text: (first: number, last: number, all: number) => string;
  readonly first: number;
  readonly shown: number;
  readonly all: number;
  readonly onMove: (first: number) => void;
}

/** Says which rows or columns are shown, and moves the window; nothing where all of them are. */
function Scrub({ id, text, first, shown, all, onMove }: ScrubProps) {
  if (shown === all) return null;
  return (
    <div class="scrub">
      <label for={id}>{text(first, first + shown - 1, all)}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={all - shown}
        value={first}
        onInput={(event) => onMove(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}

const range = (first: number, length: number): number[] =>
  Array.from({ length }, (_, i) => first + i);

const clamped = (value: number, most: number): number => Math.max(0, Math.min(most, value));

/** Where a window of `size` begins so that it holds a place, moved as little as that takes. */
function held(origin: number, place: number, size: number): number {
  if (place < origin) return place;
  return place >= origin + size ? place - size + 1 : origin;
}
