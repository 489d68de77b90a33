import { defineConfig } from 'vite';
import { digits } from './scripts/digits.js';

export default defineConfig({
  root: import.meta.dirname,
  // Any host may serve it, below any path.
  base: './',
  plugins: [digits()],
  worker: { format: 'es' },
  build: { target: 'es2022', outDir: 'dist/page', emptyOutDir: true },
});
