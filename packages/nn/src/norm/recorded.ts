import {
  add,
  div,
  mean,
  mul,
  reshape,
  sqrt,
  sub,
  sum,
  type Shape,
  type Tensor,
} from '@unfold/core';

/** What is normalised together, and what shares weight and bias. */
export interface NormalisedAxes {
  /** The axes that mean and variance are taken over. */
  readonly axes: readonly number[];
  /** The axes that weight and bias are repeated along. */
  readonly others: readonly number[];
  /** Weight and bias in a shape that broadcasts to x. */
  readonly shape: Shape;
  readonly eps: number;
  /** Whether the mean is taken off, as by all but RMS normalisation. */
  readonly isCentred: boolean;
}

/**
 * The gradients of y = n·weight + bias by x, weight and bias, with n = (x - mean)/√(variance + eps), made
 * of operations for `createGraph`: with g = dOut·weight, dX is (g - mean g - n·mean(g·n))/√(variance +
 * eps). Where nothing is centred, both means are 0, and the variance is the mean square. Squares that overflow the dtype are not scaled here, as the kernels do.
 */
export function normalisedGradients(
  [needsX, needsWeight, needsBias]: readonly boolean[],
  dOut: Tensor,
  x: Tensor,
  weight: Tensor | null,
  { axes, others, shape, eps, isCentred }: NormalisedAxes,
): (Tensor | null)[] {
  const average = (values: Tensor): Tensor => mean(values, axes, { keepdim: true });
  const centre = (values: Tensor): Tensor => (isCentred ? sub(values, average(values)) : values);
  const centred = centre(x);
  const inverse = div(1, sqrt(add(average(mul(centred, centred)), eps)));
  const normal = mul(centred, inverse);
  const dX = (): Tensor => {
    const g = weight ? mul(dOut, reshape(weight, shape)) : dOut;
    return mul(inverse, sub(centre(g), mul(normal, average(mul(g, normal)))));
  };
  return [
    needsX ? dX() : null,
    needsWeight ? sum(mul(dOut, normal), others) : null,
    needsBias ? sum(dOut, others) : null,
  ];
}
