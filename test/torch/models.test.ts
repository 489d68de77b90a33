import { Scope, sizeOf, tensor, zeros, type Tensor } from '@unfold/core';
import { eject } from '@unfold/torch';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fillByFormula, noise } from '../support/fixtures/formula.js';
import { tensorsOf, MODELS, type ModelCase } from '../support/torch/models.js';

const FOLDER = join(import.meta.dirname, '../fixtures/eject');
/** What PyTorch made of the models that are there: see make_eject.py. */
const OUTPUTS = JSON.parse(readFileSync(join(FOLDER, 'outputs.json'), 'utf8')) as Readonly<
  Record<string, readonly (readonly number[])[]>
>;

/** The formula `inputs_of` of make_eject.py. */
function inputsOf({ inputs }: ModelCase): Tensor[] {
  let first = 2 ** 31;
  return inputs.map(({ shape, dtype = 'float32' }) => {
    const numbers = noise(first, sizeOf(shape));
    first += numbers.length;
    return dtype === 'int32'
      ? tensor(
          Int32Array.from(numbers, (u) => Math.floor(((u + 1) / 2) * 10)),
          shape,
        )
      : tensor(Float32Array.from(numbers), shape);
  });
}

describe('models as PyTorch', () => {
  it('are those that the fixtures are of', async () => {
    const cases = Object.entries(MODELS).map(([name, { inputs }]) => [
      name,
      inputs.map(({ shape, dtype = 'float32' }) => [shape, dtype]),
    ]);
    const text = `${JSON.stringify(Object.fromEntries(cases))}\n`;
    await expect(text).toMatchFileSnapshot(join(FOLDER, 'cases.json'));
    expect(Object.keys(OUTPUTS).sort()).toEqual(Object.keys(MODELS).sort());
  });

  it.each(Object.entries(MODELS))(
    '%s is written as it was, and gives the same',
    async (name, one) => {
      using _scope = new Scope();
      const model = one.make();
      const example = one.inputs.map(({ shape, dtype = 'float32' }) => zeros(shape, { dtype }));
      const project = eject(model, example);
      await expect(project.get('model.py')).toMatchFileSnapshot(join(FOLDER, `${name}.py`));
      fillByFormula(model);
      model.eval();
      const outputs = tensorsOf(Reflect.apply(model.forward, model, inputsOf(one)));
      const expected = OUTPUTS[name] ?? [];
      expect(outputs.map(({ size }) => size)).toEqual(expected.map(({ length }) => length));
      outputs.forEach((output, i) => {
        const wanted = expected[i] ?? [];
        const largest = Math.max(...wanted.map(Math.abs));
        [...output.toTypedArray()].forEach((value, at) => {
          expect(Math.abs(Number(value) - (wanted[at] ?? NaN))).toBeLessThanOrEqual(1e-5 * largest);
        });
      });
      model.dispose();
    },
  );
});
