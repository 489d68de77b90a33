import { expect, it } from 'vitest';
import { fromSource, start } from '../support/runs/cli.js';

/* In a checkout, the worker loads the TypeScript sources by itself. */

it.each([
  ['whole', 'by the worker\n'],
  ['left', 'left\n'],
])(
  'a worker neither ends the process while it is waited for nor keeps it: %s',
  async (way, said) => {
    const program = fromSource('test/support/runs/prefetching.ts');
    const { outcome } = start(process.execPath, [...program, way]);
    expect(await outcome).toEqual({ code: 0, signal: null, stdout: said, stderr: '' });
  },
);
