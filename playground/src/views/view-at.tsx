import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import type { View } from '../spec/route.js';
import { PAGE_TEXTS } from '../texts/page.js';
import { TrainView } from './train/train-view.js';

/** What a first visit shows is there at once; the others come when they are first looked at. */
const there = signal<Readonly<Partial<Record<View, ComponentType>>>>({ train: TrainView });

const LOADERS: Readonly<Record<Exclude<View, 'train'>, () => Promise<ComponentType>>> = {
  draw: async () => (await import('./draw/draw-view.js')).DrawView,
  inside: async () => (await import('./inside/inside-view.js')).InsideView,
  take: async () => (await import('./take/take-view.js')).TakeView,
  engine: async () => (await import('./engine/engine-view.js')).EngineView,
};

/** A view, as soon as its script is there. */
export function ViewAt({ view }: { view: View }) {
  const Shown = there.value[view];
  useEffect(() => {
    if (view === 'train' || Shown) return;
    LOADERS[view]().then(
      (component) => {
        there.value = { ...there.peek(), [view]: component };
      },
      // A notice says that a part of the page did not load.
      () => undefined,
    );
  }, [view, Shown]);
  return Shown ? <Shown /> : <p class="soft">{PAGE_TEXTS.loading}</p>;
}
