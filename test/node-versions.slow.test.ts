import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEWER_NODES, nodeProgram } from './support/nodes.js';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'unfold-nodes-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly output: string;
  readonly testAccuracy: number;
  readonly weightsSha256: string;
}

/** Trains a little through the command. */
function train(program: string, ...options: string[]): Run {
  const metrics = join(folder, 'metrics.json');
  const output = execFileSync(
    program,
    [
      '--conditions=unfold-source',
      '--import=tsx',
      'packages/cli/src/main.ts',
      'train',
      'mnist',
      '--limit=3000',
      '--epochs=1',
      `--metrics=${metrics}`,
      ...options,
    ],
    { cwd: root, encoding: 'utf8' },
  );
  return { output, ...(JSON.parse(readFileSync(metrics, 'utf8')) as Omit<Run, 'output'>) };
}

describe.runIf(NEWER_NODES.length > 0)('the command trains to the same bits', () => {
  let here: Run;
  let hereStrict: Run;
  beforeAll(() => {
    here = train(process.execPath);
    hereStrict = train(process.execPath, '--strict');
  });

  it.each(NEWER_NODES)('on Node %i', (major) => {
    const program = nodeProgram(major);
    const there = train(program);
    expect(there.output).toMatch(/^engine: wasm simd (128|256)-bit fma · \d+ threads?$/m);
    expect(there.testAccuracy).toBeGreaterThan(0.8);
    expect(there.weightsSha256).toBe(here.weightsSha256);
    const strict = train(program, '--strict', '--threads=1');
    expect(strict.output).toMatch(/^engine: wasm simd (128|256)-bit · 1 thread$/m);
    expect(strict.weightsSha256).toBe(hereStrict.weightsSha256);
  });

  it('and to others without fused multiply-add', () => {
    expect(hereStrict.weightsSha256).not.toBe(here.weightsSha256);
  });
});
