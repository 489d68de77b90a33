import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/*
 * Joins what `tsc` and assembly/build.js made to one file, dist/standalone.js, which a page imports
 * without any bundler: the kernels are in it as text, and the worker's script, too.
 */

/** @param {string} path */
const file = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: [file('dist/index.js')],
  outfile: file('dist/standalone.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  conditions: ['browser'],
  // There is no script of the worker's to look for beside it: its text is taken at once.
  define: { 'import.meta.url': 'undefined' },
  logLevel: 'warning',
});
