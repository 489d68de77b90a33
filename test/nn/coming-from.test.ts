import { readFileSync } from 'node:fs';
import * as core from '@unfold/core';
import { Tensor } from '@unfold/core';
// oxlint-disable-next-line import/no-unassigned-import
import '@unfold/core/chain';
import * as nn from '@unfold/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { readDocument, snippetsOf, typeErrors } from '../support/snippets.js';

/** A line of a table: another framework's, and ours. */
interface Line {
  readonly theirs: string;
  readonly ours: string;
}

/** The lines of a page's tables with Unfold beside another framework. */
function linesOf(document: string): Line[] {
  const tables = readDocument(document).matchAll(/^\| \S+ +\| Unfold +\|\n(?:\|.*\n)+/gm);
  return Array.from(tables, ([table]) =>
    Array.from(
      table.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\|$/gm),
      ([, theirs = '', ours = '']) => ({ theirs, ours }),
    ),
  ).flat();
}

/** What the lines of one side begin with: the first snippet in its language. */
function preambleOf(document: string, language: string): string {
  const found = snippetsOf(document).find((snippet) => snippet.language === language);
  if (!found) throw new Error(`${document} has no ${language}`);
  return found.code;
}

/** What a program may import of ours, but `var`, which no import can name. */
const { var: _var, ...OURS } = { ...core, ...nn };

/** The values of lines behind what they begin with, each made when it is asked for. */
function valuesOf(
  preamble: string,
  lines: readonly string[],
  names: Readonly<Record<string, unknown>>,
): (() => unknown)[] {
  const list = lines.map((line) => `() => (${line})`).join(',\n');
  const body = `'use strict';\n${preamble.replaceAll(/^import .*\n/gm, '')}\nreturn [${list}];`;
  // The code is the page's, as its readers run it.
  // oxlint-disable-next-line typescript/no-implied-eval
  const run = new Function(...Object.keys(names), body) as (
    ...values: readonly unknown[]
  ) => (() => unknown)[];
  return run(...Object.values(names));
}

/** A tensor as both sides have it; bool counts as 0 and 1, and what is not finite may be text. */
interface Result {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data: ArrayLike<number | boolean | string>;
}

const isResult = (value: unknown): value is Result =>
  typeof value === 'object' && value !== null && 'shape' in value;

/** @param dtypes The other side's dtypes that are called otherwise here. */
function expectSame(
  ours: unknown,
  theirs: unknown,
  dtypes: Readonly<Record<string, string>>,
): void {
  if (!isResult(theirs)) {
    expect(ours).toEqual(theirs);
    return;
  }
  if (!(ours instanceof Tensor)) throw new Error('our line gives no tensor');
  expect([...ours.shape]).toEqual(theirs.shape);
  expect(ours.dtype).toBe(dtypes[theirs.dtype] ?? theirs.dtype);
  expectClose(ours.data, Array.from(theirs.data, Number), { rtol: 2e-6, atol: 1e-6 });
}

/** The mistakes that a reader's editor would find in our lines. */
function typeFaults(document: string, lines: readonly Line[]): string[] {
  const preamble = preambleOf(document, 'ts');
  const code = lines.map(({ ours }) => `void (${ours});`).join('\n');
  const [, imported = ''] = /^import \{(.*)\} from '@unfold\/core';$/m.exec(preamble) ?? [];
  const isUsed = (name: string): boolean =>
    new RegExp(`(?<![.\\w])${name}\\(`).test(code) && !imported.split(/\W+/).includes(name);
  const used = (from: object): string => Object.keys(from).filter(isUsed).join(', ');
  const source = `
    import { ${used(core)} } from '@unfold/core';
    import { ${used(nn)} } from '@unfold/nn';
    ${preamble}
    ${code}`;
  return typeErrors([{ name: document, document, extension: 'ts', snippets: [], source }]);
}

/** Whole numbers of PyTorch are int32 here. */
const FROM_PYTORCH = { int64: 'int32' };

describe('docs/from-pytorch.md', () => {
  const document = 'docs/from-pytorch.md';
  const lines = linesOf(document);
  const { values } = JSON.parse(
    readFileSync(new URL('../fixtures/from-pytorch.json', import.meta.url), 'utf8'),
  ) as { readonly values: Readonly<Record<string, unknown>> };
  const ours = valuesOf(
    preambleOf(document, 'ts'),
    lines.map((line) => line.ours),
    OURS,
  );

  it('has more than eighty lines, and the fixture has their values', () => {
    expect(lines.length).toBeGreaterThan(80);
    expect(lines.map(({ theirs }) => theirs)).toEqual(Object.keys(values));
  });

  it.each(lines.map(({ theirs, ours }, i) => [theirs, ours, i] as const))(
    '%s: %s',
    (theirs, _, i) => expectSame(ours[i]?.(), values[theirs], FROM_PYTORCH),
  );

  it('has the types of our lines', () => expect(typeFaults(document, lines)).toEqual([]));
});

/** A tensor of TensorFlow.js as far as it is looked at. */
interface TfTensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  dataSync(): ArrayLike<number>;
}

describe('docs/from-tensorflowjs.md', () => {
  const document = 'docs/from-tensorflowjs.md';
  const lines = linesOf(document);
  let theirs: (() => unknown)[] = [];
  const ours = valuesOf(
    preambleOf(document, 'ts'),
    lines.map((line) => line.ours),
    OURS,
  );

  beforeAll(async () => {
    // Its types need the browser's, so it is imported without them.
    const name: string = '@tensorflow/tfjs';
    const tf: { setBackend(name: string): Promise<boolean> } = await import(name);
    await tf.setBackend('cpu');
    theirs = valuesOf(
      preambleOf(document, 'js'),
      lines.map((line) => line.theirs),
      { tf },
    );
  });

  it('has more than fifty lines', () => expect(lines.length).toBeGreaterThan(50));

  it.each(lines.map(({ theirs, ours }, i) => [theirs, ours, i] as const))('%s: %s', (_, __, i) => {
    const expected = theirs[i]?.() as TfTensor;
    const { shape, dtype } = expected;
    expectSame(ours[i]?.(), { shape, dtype, data: expected.dataSync() }, {});
  });

  it('has the types of our lines', () => expect(typeFaults(document, lines)).toEqual([]));
});
