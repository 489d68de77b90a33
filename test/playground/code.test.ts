import { check } from 'prettier';
import { describe, expect, it } from 'vitest';
import { programOf } from '../../playground/src/spec/code.js';
import { typeErrors } from '../support/snippets.js';
import { EXPERIMENTS } from './support/experiments.js';

describe('programOf', () => {
  it('writes what compiles under strict', () => {
    const programs = EXPERIMENTS.map(([name, experiment]) => ({
      name,
      document: name,
      extension: 'ts',
      snippets: [],
      source: programOf(experiment),
    }));
    expect(typeErrors(programs)).toEqual([]);
  });

  it('writes what a formatter leaves alone', async () => {
    const format = { parser: 'typescript', printWidth: 100, singleQuote: true };
    for (const [name, experiment] of EXPERIMENTS) {
      expect(await check(programOf(experiment), format), name).toBe(true);
    }
  });
});
