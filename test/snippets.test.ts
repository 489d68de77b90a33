import { describe, expect, it } from 'vitest';
import { expectToRunAsSaid } from './support/run-snippets.js';
import { PROGRAMS, typeErrors } from './support/snippets.js';

it('the TypeScript of the documents is right under strict', () => {
  expect(typeErrors(PROGRAMS.filter(({ extension }) => extension === 'ts'))).toEqual([]);
});

describe('the code of a document runs and prints what is said', () => {
  it.each(PROGRAMS)('$name', (program) => expectToRunAsSaid(program));
});
