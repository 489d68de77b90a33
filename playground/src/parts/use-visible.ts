import { type ReadonlySignal, useSignal } from '@preact/signals';
import { type RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/** Whether any of an element is in sight, on a page that is. What isn't seen needn't be drawn. */
export function useVisible(element: RefObject<Element | null>): ReadonlySignal<boolean> {
  const isVisible = useSignal(false);
  useEffect(() => {
    let isInside = false;
    const tell = (): void => {
      isVisible.value = isInside && !document.hidden;
    };
    const observer = new IntersectionObserver((entries) => {
      isInside = entries.at(-1)?.isIntersecting ?? false;
      tell();
    });
    if (element.current) observer.observe(element.current);
    document.addEventListener('visibilitychange', tell);
    return () => {
      observer.disconnect();
      document.removeEventListener('visibilitychange', tell);
    };
  }, []);
  return isVisible;
}
