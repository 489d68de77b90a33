import { FileFormatError, Scope, type Tensor } from '@unfold/core';
import { importOnnx } from '@unfold/onnx';
import type { Known } from '../../../packages/onnx/src/import/call.js';
import { storedNumbers } from '../../../packages/onnx/src/import/stored.js';
import { readModel } from '../../../packages/onnx/src/model/read-model.js';

/** A case of make_onnx.py: a model, and as a model of initialisers what it takes and gives. */
export interface OnnxCase {
  readonly name: string;
  readonly model: string;
  readonly data: string;
  readonly rtol: number;
  readonly atol: number;
}

/** What a case came to, and why where it didn't pass. */
export interface Outcome {
  readonly kind: 'passed' | 'refused' | 'differs';
  readonly reason: string;
}

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** Runs a case through `importOnnx`, in evaluation. */
export function outcomeOf({ name, model, data, rtol, atol }: OnnxCase): Outcome {
  const differs = (reason: string): Outcome => ({ kind: 'differs', reason });
  try {
    return Scope.run(() => {
      const tensors = readModel(bytes(data), name).graph.initializers;
      const of = (kind: string): Known[] =>
        tensors
          .filter((tensor) => tensor.name.startsWith(kind))
          .map((tensor) => storedNumbers(tensor, 'data'));
      const imported = importOnnx(bytes(model), { name }).eval();
      const inputs = of('in').map((known) => known.tensor('inputs'));
      const named = Object.fromEntries(
        imported.inputNames.flatMap((input, i) => {
          const tensor = inputs[i];
          return tensor ? [[input, tensor]] : [];
        }),
      );
      const outputs = Object.values(imported.run(named));
      const wanted = of('out');
      if (outputs.length !== wanted.length) return differs(`${outputs.length} outputs`);
      const reasons = wanted.flatMap(
        (want, i) => difference(outputs[i], want, { rtol, atol }) ?? [],
      );
      return reasons[0] === undefined ? { kind: 'passed', reason: '' } : differs(reasons[0]);
    });
  } catch (error) {
    if (error instanceof FileFormatError) return { kind: 'refused', reason: error.message };
    return differs(String(error));
  }
}

function difference(
  got: Tensor | undefined,
  { dtype, shape, numbers }: Known,
  { rtol, atol }: { readonly rtol: number; readonly atol: number },
): string | null {
  if (got?.dtype !== dtype || got.shape.join() !== shape.join()) {
    return `${got?.describe() ?? 'nothing'} for ${dtype} [${shape.join()}]`;
  }
  const elements = got.toTypedArray();
  for (const [i, element] of elements.entries()) {
    const want = Number(numbers[i]);
    const isSame =
      Object.is(Number(element), want) ||
      Number(element) === want ||
      Math.abs(Number(element) - want) <= atol + rtol * Math.abs(want);
    if (!isSame) return `${element} for ${want} at element ${i}`;
  }
  return null;
}
