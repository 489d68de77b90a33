import fc from 'fast-check';
import { UnfoldError } from '../../../packages/core/src/errors.js';
import { supportsFused } from '../../../packages/core/src/kernels/wasm/instantiate.js';
import { expectClose } from '../compare.js';
import { extremeCalls, type ExtremeCall } from './extreme-geometries.js';
import { WatchedKernels } from './watched-heap.js';
import { referenceKernels } from './all-kernels.js';

/** Small, so that all of it is looked at after every call. */
const HEAP_BYTES = 2 ** 21;
const BINARIES = supportsFused()
  ? (['unfold-shared-plain', 'unfold-shared-fused'] as const)
  : (['unfold-shared-plain'] as const);
/** How many calls of a kernel were made, and how many of them computed something. */
export type Tally = Map<string, { calls: number; computed: number }>;

/**
 * Makes `runs` calls with extreme geometries. Each either gives what the reference gives, or throws
 * a typed error; neither changes a byte that is not its own.
 */
export function makeExtremeCalls(runs: number, seed: number): Tally {
  const watched = BINARIES.map((binary) => new WatchedKernels(binary, HEAP_BYTES));
  const tally: Tally = new Map();
  const ways = fc.record({ binary: fc.nat(BINARIES.length - 1), columns: fc.constantFrom(8, 16) });
  fc.assert(
    fc.property(ways, extremeCalls, ({ binary, columns }, call) => {
      const kernels = watched[binary];
      if (!kernels) throw new Error('no such binary');
      const count = tally.get(call.kernel) ?? { calls: 0, computed: 0 };
      tally.set(call.kernel, count);
      count.calls++;
      kernels.instance.wasm.setTileWidth(columns);
      if (makeCall(kernels, call)) count.computed++;
    }),
    { numRuns: runs, seed },
  );
  return tally;
}

/** @returns Whether it computed what the reference does. */
function makeCall(watched: WatchedKernels, call: ExtremeCall): boolean {
  const { error, written } = watched.call(call, (arrays) => call.call(watched.kernels, arrays));
  if (error) {
    if (!(error instanceof UnfoldError)) throw error;
    return false;
  }
  // The reference would walk through huge shapes of nothing.
  if (!call.isTrue || Object.values(written).every(({ length }) => length === 0)) return false;
  const expected = Object.fromEntries(
    Object.entries(call.arrays).map(([name, array]) => [name, array.slice()]),
  );
  call.call(referenceKernels, expected);
  for (const [name, array] of Object.entries(written)) {
    const right = expected[name];
    if (!right) throw new Error(`no array ${name}`);
    expectClose(array, right, { rtol: call.tolerance, atol: call.tolerance });
  }
  return true;
}
