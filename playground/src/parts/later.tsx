import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

/**
 * What is not needed at first sight, shown a moment later in a task of its own: the page is painted before it, and
 * answers in between.
 */
export function Later({ children }: { children: ComponentChildren }) {
  const isDue = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      isDue.value = true;
    });
    return () => clearTimeout(timer);
  }, []);
  return <>{isDue.value && children}</>;
}
