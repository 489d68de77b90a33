import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';

const ENTRY = 'entry.js';

/** What a page loads to write and to read ONNX files, beside our packages below this one. */
async function bundled(): Promise<Rolldown.OutputChunk> {
  const result = await build({
    configFile: false,
    logLevel: 'warn',
    root: import.meta.dirname,
    resolve: { conditions: ['unfold-source'] },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === ENTRY ? id : null),
        load: (id) =>
          id === ENTRY ? "export { exportOnnx, importOnnx } from '@unfold/onnx';" : null,
      },
    ],
    build: {
      write: false,
      rolldownOptions: {
        input: ENTRY,
        preserveEntrySignatures: 'strict',
        external: /^@unfold\/(core|nn|io|train)/,
      },
    },
  });
  const [{ output }] = [result].flat() as [Rolldown.RolldownOutput];
  expect(output).toHaveLength(1);
  return output[0];
}

it('the reader and the writer are below 25 KB with brotli, and depend on our packages alone', async () => {
  const { code, imports } = await bundled();
  expect(imports.filter((name) => !name.startsWith('@unfold/'))).toEqual([]);
  const packed = brotliCompressSync(code).length;
  expect(packed).toBeLessThan(25_000);
  // Much less would mean that the operators are not in it.
  expect(packed).toBeGreaterThan(20_000);
  expect(gzipSync(code).length).toBeLessThan(27_000);
});
