import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { snippetsOf } from '../support/snippets.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'unfold-kernel-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const SNIPPETS = ['docs/adding-a-kernel.md', 'docs/adding-an-op.md'].flatMap((page) =>
  snippetsOf(page),
);

/** The code in the two pages that holds this text. */
function fromDocument(text: string): string {
  const found = SNIPPETS.filter(({ code }) => code.includes(text));
  if (found.length !== 1) throw new Error(`${found.length} blocks of the pages hold '${text}'`);
  return found[0]?.code ?? '';
}

/** Puts the block of a page that holds `text` into a file, behind `mark` or at the end. */
function edit(file: string, text: string, mark?: string): void {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  const at = mark === undefined ? source.length : source.indexOf(mark) + mark.length;
  expect(at).toBeGreaterThan(mark?.length ?? 0);
  writeFileSync(path, `${source.slice(0, at)}\n${fromDocument(text)}${source.slice(at)}`);
}

/** Puts the block of a page that begins as something in a file does in that thing's place. */
function replace(file: string, thing: RegExp, text: string): void {
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  expect(source).toMatch(thing);
  writeFileSync(
    path,
    source.replace(thing, () => fromDocument(text)),
  );
}

/** What a program prints, however it ends. */
function run(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' };
    execFile(process.execPath, args, { cwd: copy, env }, (_error, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}

const tsc = () => run(join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', 'tsconfig.json');
const build = () => run('packages/core/assembly/build.js');

/** Compares the kernel with the reference, and two threads with one, on a long array. */
const PROGRAM = `
import { bufferOf, configureEngine, moreKernelsFor, tensor, zeros } from './packages/core/src/index.ts';
const x = tensor(Float32Array.from({ length: 100_003 }, (_, i) => (i - 50_000) / 700));
const softplus = async (threads, kernels) => {
  await configureEngine({ threads, kernels });
  const out = zeros(x.shape);
  moreKernelsFor('float32').softplus(bufferOf(out), bufferOf(x));
  return out.toTypedArray();
};
const reference = await softplus(1, 'reference');
const one = await softplus(1, 'wasm');
const two = await softplus(2, 'wasm');
const error = Math.max(...one.map((value, i) => Math.abs(value - reference[i]) / reference[i]));
console.log(JSON.stringify({ error, same: one.every((value, i) => value === two[i]) }));
await configureEngine({ threads: 1 });
`;

/** Checks the gradient of the operation in each of its cases. */
const OPERATION = `
import { gradcheck } from '@unfold/core';
import { makeInputs } from './test/support/op-case.ts';
import { OP_CASES } from './test/support/op-cases.ts';
const cases = OP_CASES.filter(({ op }) => op === 'softplus');
for (const each of cases) gradcheck(each.call, makeInputs(each, 'float64'));
console.log(cases.map(({ about }) => about).join());
`;

describe('the kernel of docs/adding-a-kernel.md', () => {
  beforeAll(() => {
    const parts = ['packages/core', 'test/support', 'test/core/kernels-definition.test.ts'];
    for (const part of [...parts, 'vitest.config.ts', 'tsconfig.base.json', 'package.json']) {
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
          // As core's own.
          noUncheckedIndexedAccess: false,
          // Not the package that the repository's node_modules link to.
          paths: { '@unfold/core': ['./packages/core/src/index.ts'] },
        },
        include: [
          'packages/core/src',
          'test/core/kernels-definition.test.ts',
          'test/support/kernels/problems.ts',
          'test/support/op-cases.ts',
        ],
      }),
    );
    writeFileSync(join(copy, 'program.mjs'), PROGRAM);
    writeFileSync(join(copy, 'operation.ts'), OPERATION);
  });

  it('is missed by the type checker and the build while only its row is there', async () => {
    edit(
      'packages/core/src/kernels/table/more-kernels.js',
      'softplus: FUNCTION',
      '  // --- Elementwise, one input. Write; `out` may be `x`. ---',
    );
    const errors = await tsc();
    expect(errors).toMatch(/kernels\/reference\/more\.ts.*'softplus' is missing/);
    expect(errors).toMatch(/problems\.ts.*'softplus' is missing/);
    expect(await build()).toMatch(/build: .* does not compile[^]*'softplus'/);
  });

  it('is complete with a reference, an assembly function and its problems', async () => {
    edit('packages/core/src/kernels/reference/functions.ts', 'export const softplus = map');
    edit('packages/core/assembly/functions.ts', 'class Softplus');
    edit(
      'test/support/kernels/problems-elementwise.ts',
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

  it('gives the answers that the page has for it', async () => {
    edit(
      'test/core/kernels-definition.test.ts',
      "it('softplus is",
      'const floats = (...values: number[]) => Float.from(values);',
    );
    expect(await tsc()).toBe('');
    const printed = await run(
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      ...['run', 'test/core/kernels-definition.test.ts', '-t', 'softplus'],
    );
    expect(printed).toMatch(/Tests +2 passed/);
  });
});

describe('the operation of docs/adding-an-op.md', () => {
  it('is complete with its function, its export and its cases', async () => {
    edit('packages/core/src/ops/activation.ts', "requireFloat('softplus', x)");
    replace(
      'packages/core/src/ops/index.ts',
      /export \{[^}]*\} from '.\/activation.js';\n/,
      "} from './activation.js'",
    );
    edit(
      'test/support/op-cases.ts',
      "unaryCases('softplus'",
      'export const OP_CASES: readonly OpCase[] = [',
    );
    expect(await tsc()).toBe('');
  });

  it('has the gradient that finite differences find', async () => {
    expect(await run('--conditions=unfold-source', '--import=tsx', 'operation.ts')).toBe(
      'scalar,vector,four axes,no element,far from 0\n',
    );
  });
});
