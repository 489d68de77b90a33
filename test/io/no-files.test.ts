import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromSource } from '../support/runs/cli.js';
import { DECODED, REFUSALS, refusalsOf } from '../support/files/no-files.js';

const root = resolve(import.meta.dirname, '../..');

describe('where there are no files', () => {
  let seen: { readonly said: unknown; readonly read: unknown };
  beforeAll(() => {
    const args = ['--conditions=browser', ...fromSource('test/support/programs/no-files.ts')];
    const printed = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    seen = JSON.parse(printed) as typeof seen;
  });

  it('a function that needs them says what to use instead', () => {
    expect(seen.said).toEqual({
      ...REFUSALS,
      ...refusalsOf({
        loadTfjsLayersModel:
          'load it in Node, keep its weights by saveWeights, fetch those bytes, and give them to ' +
          'decodeSafetensors',
        tfjsDataLoader: 'import the package',
      }),
    });
  });

  it('bytes are decoded without anything that only Node has', () => {
    expect(seen.read).toEqual(DECODED);
  });
});
