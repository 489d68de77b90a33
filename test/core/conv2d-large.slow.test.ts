import { expect, it } from 'vitest';
import { engineKernels } from '../support/kernels/array-kernels.js';
import { windowGeometry } from '../support/kernels/kernels.js';
import { Data } from '../support/kernels/problem.js';
import { referenceKernels } from '../support/kernels/all-kernels.js';

it('weight gradients of many channels are summed in one place, shared out by channels', () => {
  const [N, C, OC] = [4, 192, 188];
  const window = windowGeometry({ C, image: [14, 14], kernel: [3, 3], padding: [1, 1] });
  const geometry = { N, OC, groups: 1, window };
  const data = new Data(5);
  const x = data.finite(N * C * 14 * 14);
  const dOut = data.finite(N * OC * 14 * 14);
  const [dWeight, expected] = [new Float32Array(OC * C * 9), new Float64Array(OC * C * 9)];
  const [dBias, expectedBias] = [new Float32Array(OC), new Float64Array(OC)];
  engineKernels().conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry);
  const wide = [Float64Array.from(x), Float64Array.from(dOut)] as const;
  referenceKernels.conv2dBackwardWeight(expected, expectedBias, ...wide, geometry);
  // 784 terms of up to 9 in magnitude.
  const worst = dWeight.reduce(
    (most, v, i) => Math.max(most, Math.abs(v - (expected[i] ?? NaN))),
    0,
  );
  expect(worst).toBeLessThan(784 * 9 * 2 ** -24 * 4);
  expect(Math.max(...dBias.map((v, i) => Math.abs(v - (expectedBias[i] ?? NaN))))).toBeLessThan(
    1e-3,
  );
});
