import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outcomeOf, type OnnxCase } from '../support/onnx/conformance.js';
import { hasOnnx, python } from '../support/python.js';

/*
 * All of ONNX's operator tests, and the light networks of its package, where Python has onnx and
 * onnxruntime: `npm run test:onnx`. Elsewhere they are skipped; operators.test.ts has a sample.
 */

/** What gives other numbers than ONNX's, and why. */
const DIFFERENT: readonly (readonly [name: RegExp, reason: string])[] = [
  [/bf16|BFLOAT16|bfloat16/, 'bfloat16 is computed in float32, which rounds less'],
  [/fp16/, 'float16 is computed in float32, which rounds less'],
  [/training_dropout/, 'a model in evaluation drops nothing'],
];

describe.runIf(hasOnnx)("ONNX's own tests", () => {
  let folder: string;
  const made = (option: string): readonly OnnxCase[] => {
    const file = join(folder, `${option}.json`);
    const script = resolve(import.meta.dirname, '../fixtures/make_onnx.py');
    const { status, stderr } = spawnSync(python, [script, option, file], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return (JSON.parse(readFileSync(file, 'utf8')) as { cases: OnnxCase[] }).cases;
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'unfold-onnx-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('operators pass, or are refused by name', () => {
    const outcomes = made('--all').map((one) => ({ name: one.name, ...outcomeOf(one) }));
    const count = (kind: string): number => outcomes.filter((one) => one.kind === kind).length;
    process.stdout.write(
      `${outcomes.length} operator tests: ${count('passed')} passed, ${count('refused')} refused, ` +
        `${count('differs')} differ\n`,
    );
    const unexplained = outcomes.filter(
      ({ kind, name }) => kind === 'differs' && !DIFFERENT.some(([known]) => known.test(name)),
    );
    expect(unexplained).toEqual([]);
    expect(count('passed')).toBeGreaterThanOrEqual(1150);
  });

  it('light networks give their stored outputs, and those of ONNX Runtime with random weights', () => {
    const outcomes = made('--nets').map((one) => ({ name: one.name, ...outcomeOf(one) }));
    expect(outcomes.filter(({ kind }) => kind !== 'passed')).toEqual([]);
    expect(outcomes).toHaveLength(12);
  });
});
