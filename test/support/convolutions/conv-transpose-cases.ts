import { Tape, tensor, type DType, type Tensor } from '@unfold/core';
import { convTranspose2d, type ConvTranspose2dOptions } from '@unfold/nn';
import fc from 'fast-check';
import {
  CONV_KINDS,
  convByDefinition,
  convCases,
  gradientOf,
  shapesOf,
  type ConvCase,
  type ConvKind,
  type ConvNumbers,
  type ConvResults,
} from './conv-cases.js';

/*
 * A transposed convolution is described by the convolution that it is the adjoint of: its x has the
 * shape of that one's out, its out that of x, and what the stride leaves unread of x is its
 * outputPadding. The numbers change places likewise.
 */

/** All kinds but `'same'`, whose odd padding a transposed convolution does not offer. */
export const TRANSPOSE_KINDS = (Object.keys(CONV_KINDS) as ConvKind[]).filter(
  (kind) => kind !== 'same',
);

export function transposeCases(maxPixels: number): fc.Arbitrary<ConvCase> {
  return fc.oneof(...TRANSPOSE_KINDS.map((kind) => convCases(kind, maxPixels)));
}

/** The options that make `convTranspose2d` the adjoint of the case. */
export function transposeOptions({ groups, axes }: ConvCase): Required<ConvTranspose2dOptions> {
  const [h, w] = axes;
  const rest = ({ size, kernel, stride, dilation, padding }: ConvCase['axes'][0]): number =>
    (size + 2 * padding - dilation * (kernel - 1) - 1) % stride;
  return {
    stride: [h.stride, w.stride],
    padding: [h.padding, w.padding],
    outputPadding: [rest(h), rest(w)],
    dilation: [h.dilation, w.dilation],
    groups,
  };
}

/** The bias of a case with one, `[OC]`, whose values are drawn nowhere else; else null. */
export function transposeBias(given: ConvCase): Float64Array | null {
  const [, OC] = shapesOf(given).x;
  return given.bias ? Float64Array.from({ length: OC }, (_, o) => o / 4 - 1) : null;
}

type TransposeFunction = (
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: ConvTranspose2dOptions,
) => Tensor;

/** A transposed convolution and its gradients on a tape. Without a bias, dBias is empty. */
export function transposeOnTape(
  given: ConvCase,
  numbers: ConvNumbers,
  dtype: DType,
  transpose: TransposeFunction = convTranspose2d,
): ConvResults<ArrayLike<number>> {
  using tape = new Tape();
  const shapes = shapesOf(given);
  const options = { dtype, requiresGrad: true };
  const x = tensor(numbers.dOut, shapes.out, options);
  const weight = tensor(numbers.weight, shapes.weight, options);
  const biasValues = transposeBias(given);
  const bias = biasValues && tensor(biasValues, undefined, options);
  const out = transpose(x, weight, bias, transposeOptions(given));
  tape.backward(out, tensor(numbers.x, shapes.x, { dtype }));
  return {
    out: out.toTypedArray(),
    dX: gradientOf(x),
    dWeight: gradientOf(weight),
    dBias: bias ? gradientOf(bias) : [],
  };
}

/** The same by definition: the convolution's own gradients and output, under other names. */
export function transposeByDefinition(
  given: ConvCase,
  numbers: ConvNumbers,
  bias: Float64Array | null = transposeBias(given),
): ConvResults {
  const conv = convByDefinition(given, { ...numbers, bias: new Float64Array(numbers.bias.length) });
  const [, OC, outH, outW] = shapesOf(given).x;
  const channelOf = (i: number): number => Math.floor(i / (outH * outW)) % OC;
  const dBias = new Float64Array(bias?.length ?? 0);
  if (bias) {
    numbers.x.forEach((value, i) => {
      dBias[channelOf(i)] = (dBias[channelOf(i)] as number) + value;
    });
  }
  return {
    out: conv.dX.map((value, i) => value + (bias?.[channelOf(i)] ?? 0)),
    dX: conv.out,
    dWeight: conv.dWeight,
    dBias,
  };
}

/** For each result the sum of its products' magnitudes, which rounding errors are relative to. */
export function transposeMagnitudes(given: ConvCase, numbers: ConvNumbers): ConvResults {
  const absolute = {
    x: numbers.x.map(Math.abs),
    weight: numbers.weight.map(Math.abs),
    bias: numbers.bias,
    dOut: numbers.dOut.map(Math.abs),
  };
  return transposeByDefinition(given, absolute, transposeBias(given)?.map(Math.abs) ?? null);
}
