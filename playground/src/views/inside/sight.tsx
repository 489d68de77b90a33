import { computed, type Signal, useSignal } from '@preact/signals';
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useLayoutEffect, useRef } from 'preact/hooks';
import type { Convolution } from '../../spec/convolution/convolution.js';
import type { Shown } from '../../spec/convolution/follow.js';
import type { Place } from '../../spec/convolution/links.js';
import { convolution, image, pointed, position, shown, watched } from './state.js';

/** What decides how the grids look, together. */
export interface Sight extends Shown {
  readonly pointed: Place;
  readonly image: number;
  readonly position: number;
  readonly watched: boolean;
}

const sight = computed<Sight & { readonly of: Convolution | null }>(() => ({
  ...shown.value,
  of: convolution.value,
  pointed: pointed.value,
  image: image.value,
  position: position.value,
  watched: watched.value,
}));

/** Whether a panel is in sight, or nearly so. */
const SeenContext = createContext<Signal<boolean> | null>(null);

/**
 * What is looked at now. A panel out of sight goes on with what it had, so that a move of the pointer draws
 * what is seen and no more; it catches up when it comes into sight.
 */
export function useSight(given: Convolution): Sight {
  const seen = useContext(SeenContext);
  const last = useRef<typeof sight.value | null>(null);
  if (seen === null || seen.value || last.current === null || last.current.of !== given) {
    last.current = sight.value;
  }
  return last.current;
}

interface SightedProps {
  readonly class: string;
  readonly id?: string;
  readonly children: ComponentChildren;
}

/** A panel that knows whether it is in sight. */
export function Sighted({ children, ...rest }: SightedProps) {
  const element = useRef<HTMLDivElement>(null);
  const seen = useSignal(true);
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const observer = new IntersectionObserver(
      (entries) => {
        seen.value = entries.at(-1)?.isIntersecting ?? true;
      },
      { rootMargin: '150px' },
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, []);
  return (
    <SeenContext.Provider value={seen}>
      <div {...rest} ref={element}>
        {children}
      </div>
    </SeenContext.Provider>
  );
}
