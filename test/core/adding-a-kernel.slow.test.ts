import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'unfold-kernel-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** The code in docs/adding-a-kernel.md that holds this text. */
function fromDocument(text: string): string {
  const page = readFileSync(join(ROOT, 'docs/adding-a-kernel.md'), 'utf8');
  const blocks = [...page.matchAll(/```\w+\n([^`]*(?:`[^`\n]+`[^`]*)*)```/g)].map(
    ([, code]) => code,
  );
  const found = blocks.filter((code) => code?.includes(text));
  if (found.length !== 1) throw new Error(`${found.length} blocks of the page hold '${text}'`);
  return found[0] ?? '';
}

/** Puts the block of the page that holds `text` into a file, behind `mark` or at the end. */
function edit(file: string, text: string, mark?: string): void {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  const at = mark === undefined ? source.length : source.indexOf(mark) + mark.length;
  expect(at).toBeGreaterThan(mark?.length ?? 0);
  writeFileSync(path, `${source.slice(0, at)}\n${fromDocument(text)}${source.slice(at)}`);
}

/** What a program prints, however it ends. */
function run(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: copy }, (_error, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}

const tsc = () => run(join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', 'tsconfig.json');
const build = () => run('packages/core/assembly/build.js');

/** Compares the kernel with the reference, and two threads with one, on a long array. */
const PROGRAM = `
import { bufferOf, configureEngine, kernelsFor, tensor, zeros } from './packages/core/src/index.ts';
const x = tensor(Float32Array.from({ length: 100_003 }, (_, i) => (i - 50_000) / 700));
const softplus = async (threads, kernels) => {
  await configureEngine({ threads, kernels });
  const out = zeros(x.shape);
  kernelsFor('float32').softplus(bufferOf(out), bufferOf(x));
  return out.toTypedArray();
};
const reference = await softplus(1, 'reference');
const one = await softplus(1, 'wasm');
const two = await softplus(2, 'wasm');
const error = Math.max(...one.map((value, i) => Math.abs(value - reference[i]) / reference[i]));
console.log(JSON.stringify({ error, same: one.every((value, i) => value === two[i]) }));
await configureEngine({ threads: 1 });
`;

describe('the kernel of docs/adding-a-kernel.md', () => {
  beforeAll(() => {
    for (const part of ['packages/core', 'test/support', 'tsconfig.base.json', 'package.json']) {
      cpSync(join(ROOT, part), join(copy, part), {
        recursive: true,
        filter: (path) => !/^(dist|build)$/.test(relative(ROOT, path).split(sep).at(-1) ?? ''),
      });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    writeFileSync(
      join(copy, 'tsconfig.json'),
      JSON.stringify({
        extends: './tsconfig.base.json',
        compilerOptions: {
          lib: ['es2022', 'esnext.disposable', 'dom'],
          types: ['node'],
          composite: false,
          noEmit: true,
        },
        include: ['packages/core/src', 'test/support/kernels-problems.ts'],
      }),
    );
    writeFileSync(join(copy, 'program.mjs'), PROGRAM);
  });

  it('is missed by the type checker and the build while only its row is there', async () => {
    edit(
      'packages/core/src/kernels/table/kernels.js',
      'softplus: UNARY',
      '  // --- Elementwise, one input. Write; `out` may be `x`. ---',
    );
    const errors = await tsc();
    expect(errors).toMatch(/kernels\/reference\/index\.ts.*'softplus' is missing/);
    expect(errors).toMatch(/kernels-problems\.ts.*'softplus' is missing/);
    expect(await build()).toMatch(/build: .* does not compile[^]*'softplus'/);
  });

  it('is complete with a reference, an assembly function and its problems', async () => {
    edit('packages/core/src/kernels/reference/elementwise.ts', 'export const softplus = map');
    edit('packages/core/assembly/elementwise.ts', 'class Softplus');
    edit(
      'test/support/kernels-problems-elementwise.ts',
      "softplus: unary('softplus'",
      'export const ELEMENTWISE_PROBLEMS = {',
    );
    expect(await tsc()).toBe('');
    expect(await build()).toMatch(/^compiled the WebAssembly kernels/);
  });

  it('computes what the reference does, with the same bits on two threads', async () => {
    const printed = await run('--conditions=unfold-source', '--import=tsx', 'program.mjs');
    const { error, same } = JSON.parse(printed) as { error: number; same: boolean };
    expect(error).toBeLessThan(6 * 2 ** -24);
    expect(same).toBe(true);
  });
});
