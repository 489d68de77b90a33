import { Scope, Tape, zeros } from '@unfold/core';
import { afterEach, expect, it, vi } from 'vitest';

/* Scopes that nobody closes hold their memory for good; the first 255 may be meant. */

const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
const opened: Scope[] = [];

afterEach(() => {
  for (const scope of opened.reverse()) scope.close();
  opened.length = 0;
  warnings.mockClear();
});

function open(count: number, make: () => Scope): void {
  for (let i = 0; i < count; i++) {
    opened.push(make());
    zeros([2]);
  }
}

it('a loop that closes each of its tapes is not warned of', () => {
  for (let i = 0; i < 1000; i++) {
    using _tape = new Tape();
    zeros([2]);
  }
  expect(warnings).not.toHaveBeenCalled();
});

it('scopes inside each other, as in recursion, are no leak', () => {
  open(255, () => new Scope());
  expect(warnings).not.toHaveBeenCalled();
});

it('a loop that closes none of its tapes is warned of, once', () => {
  open(600, () => new Tape());
  expect(warnings.mock.calls.map(([message]) => message)).toEqual([
    'Unfold: 256 scopes are open inside each other, which hold all that was made in them; does a ' +
      'loop open some and close none? Write `using scope = new Tape()`, Tape.run((scope) => …), or ' +
      'close() each in a finally',
  ]);
});
