import { useRef, useState } from 'preact/hooks';

/** The place that a key leads to from another one, in a grid with so many cells; null for other keys. */
export function placeAfter(
  key: string,
  place: number,
  { count, columns, isWhole }: { count: number; columns: number; isWhole: boolean },
): number | null {
  const start = place - (place % columns);
  const next = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    ArrowUp: place - columns,
    ArrowDown: place + columns,
    Home: isWhole ? 0 : start,
    End: isWhole ? count - 1 : Math.min(count, start + columns) - 1,
    PageUp: place % columns,
    PageDown: Math.floor((count - 1 - (place % columns)) / columns) * columns + (place % columns),
  }[key];
  if (next === undefined) return null;
  return next >= 0 && next < count ? next : place;
}

interface Roving {
  /** What each cell's element is given. */
  readonly cell: (place: number) => {
    readonly tabIndex: number;
    readonly 'data-place': number;
    readonly onFocus: () => void;
  };
  readonly onKeyDown: (event: KeyboardEvent) => void;
}

/**
 * One stop of the tab key for a grid of many cells; arrow keys, Home, End and Page keys go on inside of it,
 * the latter with Ctrl to the first and the last cell.
 * @param columns In a row; of cells that flow, as many as there are now, so it is asked for at each key.
 */
export function useRoving(count: number, columns: (grid: HTMLElement) => number): Roving {
  const [current, setCurrent] = useState(0);
  const shown = Math.min(current, Math.max(0, count - 1));
  const latest = useRef(shown);
  latest.current = shown;
  return {
    cell: (place) => ({
      tabIndex: place === shown ? 0 : -1,
      'data-place': place,
      onFocus: () => setCurrent(place),
    }),
    onKeyDown: (event) => {
      const grid = event.currentTarget;
      if (!(grid instanceof HTMLElement) || event.altKey || event.metaKey) return;
      const next = placeAfter(event.key, latest.current, {
        count,
        columns: columns(grid),
        isWhole: event.ctrlKey,
      });
      if (next === null) return;
      event.preventDefault();
      grid.querySelector<HTMLElement>(`[data-place="${next}"]`)?.focus();
    },
  };
}

/** How many cells of a grid that flows stand in its first row. */
export function columnsOf(grid: HTMLElement): number {
  const cells = [...grid.querySelectorAll<HTMLElement>('[data-place]')];
  const top = cells[0]?.offsetTop;
  const below = cells.findIndex(({ offsetTop }) => offsetTop !== top);
  return Math.max(1, below < 0 ? cells.length : below);
}
