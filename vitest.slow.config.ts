import { defineConfig } from 'vitest/config';
import { source } from './vitest.config.js';

export default defineConfig({
  ...source,
  test: {
    include: ['test/**/*.slow.test.ts'],
    pool: 'forks',
    globalSetup: ['test/support/kernels/build-kernels.ts', 'test/playground/support/built-page.ts'],
    // One after another: several of them measure or use all cores.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // A page on a busy machine takes its time.
    expect: { poll: { timeout: 60_000 } },
  },
});
