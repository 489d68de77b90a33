import { defineConfig } from 'vitest/config';
import { source } from './vitest.config.js';

export default defineConfig({
  ...source,
  test: {
    include: ['test/**/*.slow.test.ts'],
    pool: 'forks',
    globalSetup: [
      'test/support/kernels/build-kernels.ts',
      'test/support/built-packages.ts',
      'test/playground/support/built-page.ts',
    ],
    // Two side by side: much of their time is one browser's or one process's, which leaves cores idle.
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // A page on a busy machine takes its time.
    expect: { poll: { timeout: 60_000 } },
  },
});
