import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vite';
import { digits } from './scripts/digits.js';
import { firstPaint } from './scripts/first-paint.js';
import { licences } from './scripts/licences.js';
import { noPrefetch } from './scripts/no-prefetch.js';
import { offline } from './scripts/offline.js';
import { ISOLATION } from './src/offline/isolation.js';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as {
  readonly version: string;
};
const { page, worker } = licences();

export default defineConfig({
  root: import.meta.dirname,
  // Any host may serve it, below any path.
  base: './',
  plugins: [digits(), page, firstPaint(), offline()],
  worker: {
    format: 'es',
    plugins: () => [worker(), noPrefetch()],
    rolldownOptions: {
      output: {
        // Errors and the PyTorch that is written name classes.
        keepNames: true,
        // WebKit runs a worker's first script once more when another script imports it, and each run would answer
        // each call. So it is kept apart from all that others import.
        codeSplitting: { groups: [{ name: 'lab', test: /lab[\\/]lab\.ts$/, entriesAware: true }] },
      },
    },
  },
  define: { 'import.meta.env.VERSION': JSON.stringify(version) },
  // For threads, here; elsewhere the service worker sends them where the host doesn't.
  server: { headers: ISOLATION },
  preview: { headers: ISOLATION },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    // Who has WebAssembly's SIMD nearly always has what the polyfill brings; without, it is only slower.
    modulePreload: { polyfill: false },
  },
  clearScreen: false,
});
