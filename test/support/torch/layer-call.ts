import { Tensor, trace, type JsonData, type Value } from '@unfold/core';
import { callByPlaces } from '../../../packages/torch/src/layers/calls.js';
import { formOf } from '../../../packages/torch/src/layers/layers.js';
import { givenText, type CallArgument } from '../../../packages/torch/src/layers/construction.js';
import { atom } from '../../../packages/torch/src/python.js';
import type { LayerCase } from './layer-cases.js';

/** All tensors among what a layer is called with, or what it gives, in order. */
export function tensorsOf(part: unknown): Tensor[] {
  if (part instanceof Tensor) return [part];
  return typeof part === 'object' && part !== null ? Object.values(part).flatMap(tensorsOf) : [];
}

/** The texts of a layer in Python: how it is made, and how it is called with x0, x1, … */
export function pythonOf({ layer, inputs }: LayerCase): { construct: string; call: string } {
  const form = formOf(layer);
  if (!form) throw new Error(`${layer.constructor.name} has no form`);
  const values = trace((...given: readonly Tensor[]) => [...given], ...tensorsOf(inputs)).inputs;
  const rest = values.entries();
  const args = inputs.map((input) => argumentOf(input, rest));
  return {
    construct: givenText(form.construct(layer)).text,
    call: (form.call ?? callByPlaces)(atom('layer'), args, layer).text,
  };
}

/** @param rest The values of the tensors that come, with their positions. */
function argumentOf(part: unknown, rest: Iterator<[number, Value]>): CallArgument {
  if (part instanceof Tensor) {
    const [at, value] = rest.next().value as [number, Value];
    return { kind: 'tensor', value, expression: atom(`x${at}`) };
  }
  if (Array.isArray(part) && tensorsOf(part).length > 0) {
    return { kind: 'list', parts: part.map((one) => argumentOf(one, rest)) };
  }
  if (typeof part !== 'object' || part === null || Array.isArray(part)) {
    return { kind: 'plain', value: part as JsonData };
  }
  const parts = Object.entries(part).map(([name, one]) => [name, argumentOf(one, rest)]);
  return { kind: 'record', parts: Object.fromEntries(parts) as Record<string, CallArgument> };
}
