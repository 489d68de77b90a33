import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/*
 * Joins what `tsc` and assembly/build.js made to one file, dist/standalone.js, which a page imports
 * without any bundler: the kernels are in it as text, and the worker's script, too.
 */

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
/** All doors of the package: what they share must be there once. */
const DOORS = ['index', 'internal'];

await build({
  stdin: {
    contents: DOORS.map((door) => `export * from './dist/${door}.js';`).join(''),
    resolveDir: FOLDER,
  },
  absWorkingDir: FOLDER,
  outfile: 'dist/standalone.js',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  conditions: ['browser'],
  // There is no script of the worker's to look for beside it: its text is taken at once.
  define: { 'import.meta.url': 'undefined' },
  logLevel: 'warning',
});

// The methods of tensors, for who imports them beside that file: they are its functions.
await build({
  entryPoints: ['dist/chain.js'],
  absWorkingDir: FOLDER,
  outfile: 'dist/standalone-chain.js',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  plugins: [
    {
      name: 'of-the-other-file',
      setup: ({ onResolve }) =>
        onResolve({ filter: /^\.\// }, ({ kind }) =>
          kind === 'entry-point' ? null : { path: '@unfold/core', external: true },
        ),
    },
  ],
  logLevel: 'warning',
});
