import { platform } from '#platform';

/** Messages that the console has. */
const said = new Set<string>();

/**
 * Tells whoever runs the program, once, what its author would hardly expect: a set-up that makes it
 * many times slower, or numbers that were probably meant otherwise.
 */
export function warnOnce(message: string): void {
  if (said.has(message)) return;
  said.add(message);
  platform.warn(`Unfold: ${message}`);
}
