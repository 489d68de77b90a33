import { defineConfig } from 'vitest/config';

/** Packages resolve to their TypeScript source; nothing is built before a test. */
export const source = {
  resolve: { conditions: ['unfold-source'] },
  ssr: { resolve: { conditions: ['unfold-source', 'node'] } },
};

export default defineConfig({
  ...source,
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.slow.test.ts'],
    pool: 'forks',
    // All cores; by itself vitest leaves one idle.
    maxWorkers: '100%',
    // A slow or busy machine is no failure.
    testTimeout: 60_000,
    globalSetup: ['test/support/kernels/build-kernels.ts'],
    setupFiles: ['test/support/kernels/relaxed-simd.ts'],
  },
});
