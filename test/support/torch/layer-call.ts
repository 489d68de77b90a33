import { Tensor, trace, type Value } from '@unfold/core';
import { isOptions } from '@unfold/core/internal';
import { formOf } from '../../../packages/torch/src/layers/layers.js';
import { givenText } from '../../../packages/torch/src/layers/construction.js';
import { argumentOf } from '../../../packages/torch/src/model/arguments.js';
import { atom } from '../../../packages/torch/src/python.js';
import { tensorsOf } from './models.js';
import type { LayerCase } from './layer-cases.js';

/** The texts of a layer in Python: how it is made, and how it is called with x0, x1, … */
export function pythonOf({ layer, inputs }: LayerCase): { construct: string; call: string } {
  const form = formOf(layer);
  if (!form) throw new Error(`${layer.constructor.name} has no form`);
  const { inputs: values } = trace((...x: readonly Tensor[]) => [...x], ...tensorsOf(inputs));
  const names = new Map(values.map((value, at) => [value, atom(`x${at}`)]));
  const rest = values.values();
  const args = inputs.map((input) =>
    argumentOf(withValues(input, rest), (value) => names.get(value) ?? atom(value.name)),
  );
  return {
    construct: givenText(form.construct(layer)).text,
    call: form.call(atom('layer'), args, layer).text,
  };
}

/** What a layer is called with as a graph has it: with the next of the values for each tensor. */
function withValues(part: unknown, rest: Iterator<Value>): unknown {
  if (part instanceof Tensor) return rest.next().value;
  if (Array.isArray(part)) return part.map((one: unknown) => withValues(one, rest));
  if (!isOptions(part)) return part;
  const parts = Object.entries(part).map(([name, one]) => [name, withValues(one, rest)]);
  return Object.fromEntries(parts) as object;
}
