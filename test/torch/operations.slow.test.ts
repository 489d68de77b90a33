import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cast, manualSeed, trace, type DType, type Tensor } from '@unfold/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS as CALLS } from '../support/operation-calls.js';
import { asJson, expectSame, fromJson, plain, type Plain } from '../support/plain.js';
import { MORE_CALLS } from '../support/torch/calls.js';
import { HEADER, pythonFunction } from '../support/torch/functions.js';
import { hasRuff, hasTorch, python } from '../support/python.js';

/*
 * Each operation as PyTorch computes it, in Python that has it. Elsewhere these tests are skipped.
 */

interface TorchCase {
  readonly name: string;
  readonly lines: readonly string[];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly tolerance: number;
}

/** Random in training: their texts are compared by operations.test.ts. */
const RANDOM = new Set(['dropout_0', 'dropout2d_0']);

/** Calls of every operation, in float32 and float64. */
function casesOf(dtype: DType): TorchCase[] {
  const calls = Object.entries(CALLS).flatMap(([op, rows]) =>
    rows.map(({ inputs, call }, i) => ({ name: `${op}_${i}`, inputs, call })),
  );
  return [...calls, ...MORE_CALLS].flatMap(({ name, inputs: makers, call }) => {
    if (RANDOM.has(name)) return [];
    manualSeed(1);
    const inputs = makers.map((make) => {
      const x = make();
      return x.dtype === 'float32' ? cast(x, dtype) : x;
    });
    const isDouble = inputs.some((x) => x.dtype === 'float64');
    if (dtype === 'float64' && !isDouble) return [];
    const lines = pythonFunction(`${name}_${dtype}`, trace(call, ...inputs));
    const given = call(...inputs);
    const outputs = 'shape' in given ? [given] : given;
    const tolerance = isDouble ? 1e-10 : 1e-5;
    return [{ name: `${name}_${dtype}`, lines, inputs, outputs, tolerance }];
  });
}

describe.runIf(hasTorch)('PyTorch', () => {
  const cases = [...casesOf('float32'), ...casesOf('float64')];
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'unfold-torch-'));
    const functions = cases.flatMap(({ lines }) => ['', '', ...lines]);
    writeFileSync(join(folder, 'functions.py'), [...HEADER, ...functions, ''].join('\n'));
    for (const { name, inputs } of cases) {
      writeFileSync(join(folder, `${name}.json`), asJson(inputs.map(plain)));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('computes the same by every operation', () => {
    const script = join(import.meta.dirname, 'run_functions.py');
    const { stdout, stderr } = spawnSync(python, [script, folder], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (stdout === '') throw new Error(stderr);
    const results = fromJson(stdout) as Record<string, readonly Plain[] | { error: string }>;
    const faults = cases.flatMap(({ name, lines, outputs, tolerance }) => {
      const got = results[name] ?? { error: 'no result' };
      try {
        if ('error' in got) throw new Error(got.error);
        expectSame(got, outputs, tolerance);
        return [];
      } catch (error) {
        return [`${lines.join('\n')}\n${String(error)}`];
      }
    });
    expect(faults).toEqual([]);
  });

  it.runIf(hasRuff)('reads as ruff would write it', () => {
    for (const args of [['check'], ['format', '--check', '--diff']]) {
      const { status, stdout } = spawnSync(
        python,
        ['-m', 'ruff', ...args, '--isolated', '--line-length', '100', folder],
        { encoding: 'utf8' },
      );
      expect(status, stdout).toBe(0);
    }
  });
});
