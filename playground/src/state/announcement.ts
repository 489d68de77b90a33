import { signal } from '@preact/signals';

/** What a screen reader is told next, politely. */
export const announcement = signal('');

/** Tells who listens to the page what happened, in one sentence. */
export function announce(sentence: string): void {
  announcement.value = sentence;
}
