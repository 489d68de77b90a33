import { describe, expect, it } from 'vitest';
import { newestOnly } from '../../../playground/src/views/draw/newest.js';

/** An answerer whose answers come when the test says so. */
function paced() {
  const begun: number[] = [];
  const open: (() => void)[] = [];
  let atOnce = 0;
  let most = 0;
  const ask = newestOnly<number>(async (request) => {
    begun.push(request);
    most = Math.max(most, ++atOnce);
    await new Promise<void>((resolve) => open.push(resolve));
    atOnce--;
  });
  const finish = async (): Promise<void> => {
    open.shift()?.();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { ask, begun, finish, most: () => most };
}

describe('requests of which the newest wins', () => {
  it('are answered one at a time, and those that a newer one overtook never', async () => {
    const { ask, begun, finish, most } = paced();
    for (const request of [1, 2, 3, 4]) ask(request);
    expect(begun).toEqual([1]);
    await finish();
    expect(begun).toEqual([1, 4]);
    ask(5);
    await finish();
    await finish();
    ask(6);
    await finish();
    expect(begun).toEqual([1, 4, 5, 6]);
    expect(most()).toBe(1);
  });
});
