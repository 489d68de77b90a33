import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { programOf } from '../../playground/src/spec/code.js';
import { ROOT } from '../support/snippets.js';
import { EXPERIMENTS } from './support/experiments.js';
import { fingerprintAfter } from './support/strict-run.js';

const IMAGES = 320;
const EPOCHS = 2;
const CHOSEN = new Set(['lenet-bn', 'cnn-bn', 'adamW', 'affine', 'everything else']);

describe('the program of an experiment', () => {
  it.each(EXPERIMENTS.filter(([name]) => CHOSEN.has(name)))(
    'of %s trains, and ends with the bits of the page’s run',
    async (_name, experiment) => {
      const strict = { ...experiment, strict: true };
      const steps = EPOCHS * Math.ceil(IMAGES / experiment.batchSize);

      const shorter = programOf(strict)
        .replace('slice(0, 5000)', `slice(0, ${IMAGES})`)
        .replace('slice(0, 2000)', 'slice(0, 100)')
        .replace('epoch <= 5', `epoch <= ${EPOCHS}`);
      const lines = printedBy(
        `import { fingerprintOf } from '${join(ROOT, 'playground/src/lab/fingerprint.ts')}';\n` +
          `${shorter}console.log(fingerprintOf(model));\n`,
      );
      expect(lines.slice(0, -1)).toEqual(
        [1, 2].map((epoch) =>
          expect.stringMatching(`^epoch ${epoch}: [\\d.]+ % of the test digits are right$`),
        ),
      );
      expect(lines.at(-1)).toBe(await fingerprintAfter(experiment, { steps, count: IMAGES }));
    },
  );
});

/** Runs a program in a folder of its own, as tsx does. @returns The lines that it prints. */
function printedBy(program: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'unfold-program-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    const file = join(folder, 'program.ts');
    writeFileSync(file, program);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=unfold-source', `--import=${import.meta.resolve('tsx')}`, file],
      { cwd: folder, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`it ends with status ${status}:\n${stderr}`);
    return stdout.trimEnd().split('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
