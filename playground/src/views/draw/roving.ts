import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { placeAfter } from './windowing.js';

/**
 * One stop of the tabulator for many things that are laid out in rows: the arrow keys, Home and End move
 * the focus among them. The things are the children of the element that `props` go to.
 */
export function useRoving<E extends HTMLElement>(count: number) {
  const parent = useRef<E>(null);
  const at = useSignal(0);
  const current = Math.max(0, Math.min(at.value, count - 1));

  const onKeyDown = (event: KeyboardEvent): void => {
    const things = Array.from(parent.current?.children ?? []);
    const next = placeAfter(event.key, current, count, columnsOf(things));
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    focusOn(next);
  };

  const focusOn = (place: number): void => {
    at.value = place;
    const thing = parent.current?.children[place];
    if (thing instanceof HTMLElement) thing.focus();
  };

  return {
    props: { ref: parent, onKeyDown },
    /** What each thing gets. */
    item: (place: number) => ({
      tabIndex: place === current ? 0 : -1,
      onFocus: () => {
        at.value = place;
      },
    }),
  };
}

/** How many things stand in the first row. */
function columnsOf(things: readonly Element[]): number {
  const top = (thing: Element | undefined): number => thing?.getBoundingClientRect().top ?? 0;
  const below = things.findIndex((thing) => top(thing) > top(things[0]) + 1);
  return below === -1 ? Math.max(1, things.length) : below;
}
