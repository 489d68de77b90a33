import type { UnfoldError } from '@unfold/core';
import { expect, it } from 'vitest';

/** What is called, the class of the error, and its whole message. */
export type BadCall = readonly [call: () => unknown, type: typeof UnfoldError, message: string];

/** One test for each call: the class and every word of the message. */
export function refuse(calls: Readonly<Record<string, BadCall>>): void {
  it.each(Object.entries(calls))('%s', (_name, [call, type, message]) => {
    let thrown: unknown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(type);
    expect(thrown).toHaveProperty('message', message);
  });
}
