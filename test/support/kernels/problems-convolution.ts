import fc from 'fast-check';
import type { Conv2dGeometry } from '../../../packages/core/src/kernels/contract.js';
import { integer, problem, problems, sumTolerance, type Data } from './problem.js';
import { imageSize, windowSpec } from './problems-windows.js';

const inputSize = ({ N, groups, window }: Conv2dGeometry) => N * groups * imageSize(window);
const outputSize = ({ N, OC, window: { OH, OW } }: Conv2dGeometry) => N * OC * OH * OW;
const patchSize = ({ window: { C, KH, KW } }: Conv2dGeometry) => C * KH * KW;
const weightSize = (geometry: Conv2dGeometry) => geometry.OC * patchSize(geometry);
const filterSize = ({ OC, groups, window: { KH, KW } }: Conv2dGeometry) => (OC / groups) * KH * KW;

/** A convolution and whether it has a bias. */
export interface ConvSpec extends Conv2dGeometry {
  readonly hasBias: boolean;
}

const convSpec: fc.Arbitrary<ConvSpec> = fc
  .record({
    N: fc.constantFrom(0, 1, 2, 3),
    groups: fc.constantFrom(1, 1, 2, 3),
    groupOC: fc.oneof(integer(0, 9), fc.constantFrom(12, 16, 21)),
    window: windowSpec,
    hasBias: fc.boolean(),
  })
  .map(({ groupOC, ...spec }) => ({ ...spec, OC: spec.groups * groupOC }));

// All numbers are finite: what an infinity makes of the zeros on the padding is left open.

export function forwardProblem({ hasBias, ...geometry }: ConvSpec, data: Data) {
  return problem({
    arrays: {
      out: data.junk(outputSize(geometry)),
      x: data.finite(inputSize(geometry)),
      weight: data.finite(weightSize(geometry)),
      bias: data.finite(geometry.OC),
    },
    writes: ['out'],
    call: (kernels, { out, x, weight, bias }) =>
      kernels.conv2d(out, x, weight, hasBias ? bias : null, geometry),
    rtol: sumTolerance(patchSize(geometry) + 1),
    scale: 'terms',
  });
}

export function backwardInputProblem(geometry: ConvSpec, data: Data) {
  return problem({
    arrays: {
      dX: data.junk(inputSize(geometry)),
      dOut: data.finite(outputSize(geometry)),
      weight: data.finite(weightSize(geometry)),
    },
    writes: ['dX'],
    call: (kernels, { dX, dOut, weight }) =>
      kernels.conv2dBackwardInput(dX, dOut, weight, geometry),
    rtol: sumTolerance(filterSize(geometry)),
    scale: 'terms',
  });
}

export function backwardWeightProblem({ hasBias, ...geometry }: ConvSpec, data: Data) {
  const { N, window } = geometry;
  return problem({
    arrays: {
      dWeight: data.junk(weightSize(geometry)),
      dBias: data.junk(geometry.OC),
      x: data.finite(inputSize(geometry)),
      dOut: data.finite(outputSize(geometry)),
    },
    writes: hasBias ? ['dWeight', 'dBias'] : ['dWeight'],
    call: (kernels, { dWeight, dBias, x, dOut }) =>
      kernels.conv2dBackwardWeight(dWeight, hasBias ? dBias : null, x, dOut, geometry),
    rtol: sumTolerance(N * window.OH * window.OW),
    scale: 'terms',
  });
}

export const CONVOLUTION_PROBLEMS = {
  conv2d: problems(convSpec, forwardProblem),
  conv2dBackwardInput: problems(convSpec, backwardInputProblem),
  conv2dBackwardWeight: problems(convSpec, backwardWeightProblem),
};
