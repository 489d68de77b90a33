import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { outcomeOf, type OnnxCase } from '../support/onnx/conformance.js';

/*
 * A sample of ONNX's own operator tests, by test/fixtures/make_onnx.py: nothing is wrong in silence. The
 * slow suite runs all of them where Python has onnx.
 */

const file = new URL('../fixtures/onnx-nodes.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly OnnxCase[] };

const outcomes = cases.map((one) => ({ name: one.name, ...outcomeOf(one) }));

it('passes, or refuses with a typed error', () => {
  const different = outcomes.filter(({ kind }) => kind === 'differs');
  expect(different).toEqual([]);
});

it('passes where it has the operator', () => {
  expect(outcomes.filter(({ kind }) => kind === 'passed')).toHaveLength(242);
});
