import { describe, expect, it } from 'vitest';
import { feedOf } from '../../packages/cli/src/digits.js';
import { parseOptions } from '../../packages/cli/src/options.js';

describe('what feeds a run', () => {
  it.each([
    ['', 'tfjs'],
    ['--preset default', 'tfjs'],
    ['--preset quick', 'own'],
    ['--preset quick --model cnn', 'own'],
    ['--preset quick --loader tfjs', 'tfjs'],
    ['--loader own', 'own'],
  ])('"%s": %s', async (args, kind) => {
    const options = parseOptions(args.split(' ').filter(Boolean), '0');
    const { kind: chosen, notice } = await feedOf(options);
    expect([chosen, notice]).toEqual([kind, undefined]);
  });
});
