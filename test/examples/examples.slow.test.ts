import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
/** In a folder from which the packages are found. */
const readmeProgram = join(root, 'examples', `readme-${process.pid}.ts`);

afterAll(() => rmSync(readmeProgram, { force: true }));

function run(file: string, ...args: string[]): string {
  const program = ['--conditions=unfold-source', '--import=tsx', file, ...args];
  return execFileSync(process.execPath, program, { cwd: root, encoding: 'utf8' });
}

/** The percentage in `… accuracy …: 97.34 %`. */
function accuracyIn(output: string): number {
  return Number(/([\d.]+) %/.exec(output)?.[1]);
}

describe('programs that people read first', () => {
  it('the twelve lines of the README train', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const [, block = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(block.split('\n').filter((line) => line !== '')).toHaveLength(12);
    writeFileSync(
      readmeProgram,
      `${block}
       import { evaluateClassifier } from '@unfold/train';
       const { correct } = await evaluateClassifier(model, new DataLoader(test, { batchSize: 250 }));
       console.log('accuracy', correct / 100, '%');`,
    );
    expect(accuracyIn(run(readmeProgram))).toBeGreaterThan(96);
  });

  it('examples/mnist.ts trains', () => {
    expect(accuracyIn(run('examples/mnist.ts', '12000'))).toBeGreaterThan(93);
  });
});
