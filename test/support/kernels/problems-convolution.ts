import fc from 'fast-check';
import type {
  Conv2dGeometry,
  WindowGeometry,
} from '../../../packages/core/src/kernels/contract.js';
import { windowGeometry } from './kernels.js';
import { integer, problem, problems, sumTolerance, type Data } from './problem.js';
import { imageSize, isPooling, windowSpec } from './problems-windows.js';

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

const ACTIVATION_NAMES = ['none', 'relu', 'leakyRelu'] as const;

const pair = (min: number, max: number) => fc.tuple(integer(min, max), integer(min, max));

/** A pooling of planes of this size, or none. */
const poolSpec = fc.option(
  fc.record({
    kernel: fc.oneof(fc.constantFrom<[number, number]>([2, 2], [3, 3]), pair(1, 4)),
    stride: fc.oneof(fc.constant<[number, number]>([2, 2]), pair(1, 3)),
    padding: fc.oneof(fc.constant<[number, number]>([0, 0]), pair(0, 2)),
    dilation: fc.oneof(fc.constant<[number, number]>([1, 1]), pair(1, 2)),
    more: pair(0, 1),
  }),
  { freq: 5 },
);

const joinedSpec = fc
  .record({ conv: convSpec, pool: poolSpec, activation: fc.constantFrom(...ACTIVATION_NAMES) })
  .map(({ conv, pool, activation }) => {
    if (pool === null) return { ...conv, activation, slope: 0.25, pool };
    const { OH, OW } = conv.window;
    const { more, ...spec } = pool;
    const window: WindowGeometry = windowGeometry({ ...spec, image: [OH, OW] });
    const larger = { ...window, OH: window.OH + more[0], OW: window.OW + more[1] };
    return { ...conv, activation, slope: 0.25, pool: larger };
  })
  .filter(({ pool }) => pool === null || (pool.OH > 0 && pool.OW > 0 && isPooling(pool)));

type JoinedSpec = typeof joinedSpec extends fc.Arbitrary<infer S> ? S : never;

/** What is written: out, or what a pooling makes of it, with or without the other. */
const WRITTEN = [
  ['pooled', 'indices'],
  ['pooled'],
  ['out', 'pooled', 'indices'],
  ['out', 'pooled'],
] as const;

/** Numbers are whole: which pixel wins a window hangs on the last bit. */
function joinedProblem({ hasBias, ...geometry }: JoinedSpec, data: Data) {
  const { N, OC, pool } = geometry;
  const windows = pool === null ? 0 : N * OC * pool.OH * pool.OW;
  const writes = pool === null ? (['out'] as const) : (WRITTEN[data.below(4)] ?? ['pooled']);
  const asked = new Set<string>(writes);
  return problem({
    arrays: {
      out: data.junk(outputSize(geometry)),
      pooled: data.junk(windows),
      indices: data.junkIndices(windows),
      x: data.whole(inputSize(geometry)),
      weight: data.whole(weightSize(geometry)),
      bias: data.whole(OC),
    },
    writes,
    call: (kernels, { out, pooled, indices, x, weight, bias }) =>
      kernels.conv2dJoined(
        asked.has('out') ? out : null,
        asked.has('pooled') ? pooled : null,
        asked.has('indices') ? indices : null,
        x,
        weight,
        hasBias ? bias : null,
        geometry,
      ),
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

function backwardInputReluProblem(geometry: ConvSpec, data: Data) {
  return problem({
    arrays: {
      dX: data.junk(inputSize(geometry)),
      dOut: data.whole(outputSize(geometry)),
      weight: data.whole(weightSize(geometry)),
      saved: data.floats(inputSize(geometry)),
    },
    writes: ['dX'],
    call: (kernels, { dX, dOut, weight, saved }) =>
      kernels.conv2dBackwardInputRelu(dX, dOut, weight, saved, geometry),
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
  conv2dJoined: problems(joinedSpec, joinedProblem),
  conv2dBackwardInput: problems(convSpec, backwardInputProblem),
  conv2dBackwardInputRelu: problems(convSpec, backwardInputReluProblem),
  conv2dBackwardWeight: problems(convSpec, backwardWeightProblem),
};
