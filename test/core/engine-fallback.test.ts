import { beforeEach, expect, it, vi } from 'vitest';

/** How many of the next checks fail. */
let failing = 0;

vi.mock('../../packages/core/src/engine/verify.js', async (original) => ({
  ...(await original<object>()),
  findFault: () => (failing-- > 0 ? 'matmul' : null),
}));

beforeEach(() => {
  vi.resetModules();
});

const fused =
  'the kernels of unfold-shared-fused disagree with the reference here and are not used';
const plain =
  'the kernels of unfold-shared-plain disagree with the reference here and are not used';

it.each([
  { failing: 0, description: 'wasm simd 128-bit fma · 1 thread', warnings: [] },
  { failing: 1, description: 'wasm simd 128-bit · 1 thread', warnings: [fused] },
  {
    failing: 2,
    description: 'reference kernels in plain TypeScript · 1 thread',
    warnings: [fused, plain],
  },
])('$failing faulty binaries: $description', async (expected) => {
  failing = expected.failing;
  const core = await import('@unfold/core');
  const { description, warnings } = await core.configureEngine({ threads: 1, simd: '128' });
  expect({ description, warnings }).toEqual({
    description: expected.description,
    warnings: expected.warnings,
  });
  core.Scope.run(() => {
    expect(core.matmul(core.ones([3, 4]), core.ones([4, 5])).data[0]).toBe(4);
  });
  // It is remembered, and said again.
  failing = 0;
  expect(await core.configureEngine({ threads: 1, simd: '128' })).toMatchObject(
    expected.failing === 0 ? {} : { warnings: expected.warnings },
  );
});
