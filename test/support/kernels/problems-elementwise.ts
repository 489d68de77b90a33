import fc from 'fast-check';
import {
  type Closeness,
  type Data,
  length,
  problem,
  type Problem,
  problems,
  TINY,
  U,
} from './problem.js';
import type { KernelLike } from './kernels.js';

function unary(
  name: KernelLike<'neg'> | KernelLike<'sin'>,
  {
    x = (data: Data, n: number) => data.floats(n),
    ...closeness
  }: Closeness & {
    readonly x?: (data: Data, n: number) => Float32Array;
    readonly scale?: (arrays: { readonly x: Float32Array }) => ArrayLike<number>;
  } = {},
): fc.Arbitrary<Problem> {
  return problems(length, (n, data) =>
    problem({
      arrays: { out: data.junk(n), x: x(data, n) },
      writes: ['out'],
      aliases: [['out', 'x']],
      call: (kernels, { out, x }) => kernels[name](out, x),
      ...closeness,
    }),
  );
}

function unaryBackward(
  name: KernelLike<'reluBackward'>,
  {
    saved = (data: Data, n: number) => data.floats(n),
    ...closeness
  }: Closeness & {
    readonly saved?: (data: Data, n: number) => Float32Array;
    readonly scale?: (arrays: {
      readonly dOut: Float32Array;
      readonly saved: Float32Array;
    }) => ArrayLike<number>;
  } = {},
): fc.Arbitrary<Problem> {
  return problems(length, (n, data) =>
    problem({
      arrays: { dX: data.junk(n), dOut: data.floats(n), saved: saved(data, n) },
      writes: ['dX'],
      aliases: [['dX', 'dOut']],
      call: (kernels, { dX, dOut, saved }) => kernels[name](dX, dOut, saved),
      ...closeness,
    }),
  );
}

const slope = fc.constantFrom(0, 0.01, 0.2, 1, -0.5);
const bounds = fc.constantFrom(
  { min: -1, max: 1.5 },
  { min: 0, max: 6 },
  { min: -Infinity, max: 0.5 },
  { min: -0.25, max: Infinity },
  { min: -Infinity, max: Infinity },
  { min: 1, max: 1 },
);

/** Numbers of every size, halves and infinities among them. */
const ofAnySize = (data: Data, n: number): Float32Array => {
  const sizes = [1, 2 ** 19, 2 ** 21, 1e12, 1e38];
  return data
    .floats(n)
    .map((value) => (data.below(4) > 0 ? value : value * (sizes[data.below(sizes.length)] ?? 1)));
};

/** Numbers from -12 to 12 and special values: no slope is 0 in floats and another number in doubles. */
const wide = (data: Data, n: number): Float32Array => data.floats(n).map((value) => 4 * value);

const halves = (data: Data, n: number): Float32Array =>
  data.below(2) ? data.ties(n).map((value) => value / 2) : ofAnySize(data, n);

export const ELEMENTWISE_PROBLEMS = {
  neg: unary('neg'),
  abs: unary('abs'),
  relu: unary('relu'),
  sqrt: unary('sqrt', { x: (data, n) => data.positive(n) }),
  exp: unary('exp', { x: (data, n) => data.logits(n), rtol: 2 * U, atol: TINY }),
  log: unary('log', { x: (data, n) => data.positive(n), rtol: 2 * U }),
  sigmoid: unary('sigmoid', { x: (data, n) => data.logits(n), rtol: 4 * U, atol: TINY }),
  tanh: unary('tanh', { rtol: 4 * U, atol: TINY }),
  // Past -13 the factor e^(-x²/2) is itself a denormal.
  gelu: unary('gelu', { x: (data, n) => data.logits(n), rtol: 10 * U, atol: 2 ** -140 }),
  leakyRelu: problems(fc.tuple(length, slope), ([n, slope], data) =>
    problem({
      arrays: { out: data.junk(n), x: data.floats(n) },
      writes: ['out'],
      aliases: [['out', 'x']],
      call: (kernels, { out, x }) => kernels.leakyRelu(out, x, { slope }),
      rtol: 2 * U,
      atol: TINY,
    }),
  ),
  clamp: problems(fc.tuple(length, bounds), ([n, limits], data) =>
    problem({
      arrays: { out: data.junk(n), x: data.floats(n) },
      writes: ['out'],
      aliases: [['out', 'x']],
      call: (kernels, { out, x }) => kernels.clamp(out, x, limits),
    }),
  ),
  hardswish: unary('hardswish', { rtol: 3 * U, atol: TINY }),
  elu: problems(fc.tuple(length, slope), ([n, alpha], data) =>
    problem({
      arrays: { out: data.junk(n), x: data.logits(n) },
      writes: ['out'],
      aliases: [['out', 'x']],
      call: (kernels, { out, x }) => kernels.elu(out, x, { alpha }),
      rtol: 6 * U,
      atol: TINY,
    }),
  ),
  mish: unary('mish', { x: (data, n) => data.logits(n), rtol: 10 * U, atol: 2 ** -140 }),
  floor: unary('floor', { x: halves }),
  ceil: unary('ceil', { x: halves }),
  round: unary('round', { x: halves }),
  trunc: unary('trunc', { x: halves }),
  sign: unary('sign'),
  sin: unary('sin', { x: ofAnySize, rtol: 4 * U, atol: TINY }),
  cos: unary('cos', { x: ofAnySize, rtol: 4 * U, atol: TINY }),
  tan: unary('tan', { x: ofAnySize, rtol: 5 * U, atol: TINY }),
  asin: unary('asin', {
    x: (data, n) => data.floats(n).map((v) => v / 3),
    rtol: 4 * U,
    atol: TINY,
  }),
  acos: unary('acos', {
    x: (data, n) => data.floats(n).map((v) => v / 3),
    rtol: 4 * U,
    atol: TINY,
  }),
  atan: unary('atan', { x: ofAnySize, rtol: 4 * U, atol: TINY }),
  sinh: unary('sinh', { x: (data, n) => data.logits(n), rtol: 5 * U, atol: TINY }),
  cosh: unary('cosh', { x: (data, n) => data.logits(n), rtol: 5 * U, atol: TINY }),
  erf: unary('erf', { rtol: 4 * U, atol: TINY }),
  log1p: unary('log1p', {
    x: (data, n) => data.positive(n).map((v) => v - 1),
    rtol: 5 * U,
    atol: TINY,
  }),
  expm1: unary('expm1', { x: (data, n) => data.logits(n), rtol: 5 * U, atol: TINY }),
  log2: unary('log2', { x: (data, n) => data.positive(n), rtol: 4 * U, atol: TINY }),
  log10: unary('log10', { x: (data, n) => data.positive(n), rtol: 4 * U, atol: TINY }),

  reluBackward: unaryBackward('reluBackward'),
  absBackward: unaryBackward('absBackward'),
  sigmoidBackward: unaryBackward('sigmoidBackward', {
    saved: (data, n) => data.fractions(n),
    rtol: 4 * U,
    atol: TINY,
  }),
  tanhBackward: unaryBackward('tanhBackward', {
    saved: (data, n) => data.fractions(n),
    rtol: 4 * U,
    atol: TINY,
    // 1 - out² cancels where tanh is flat.
    scale: ({ dOut }) => dOut,
  }),
  geluBackward: unaryBackward('geluBackward', {
    saved: (data, n) => data.logits(n),
    rtol: 6 * U,
    atol: TINY,
    scale: ({ dOut }) => dOut,
  }),
  sqrtBackward: unaryBackward('sqrtBackward', {
    saved: (data, n) => data.positive(n),
    rtol: 2 * U,
    atol: TINY,
  }),
  leakyReluBackward: problems(fc.tuple(length, slope), ([n, slope], data) =>
    problem({
      arrays: { dX: data.junk(n), dOut: data.floats(n), x: data.floats(n) },
      writes: ['dX'],
      aliases: [['dX', 'dOut']],
      call: (kernels, { dX, dOut, x }) => kernels.leakyReluBackward(dX, dOut, x, { slope }),
      rtol: 2 * U,
      atol: TINY,
    }),
  ),
  clampBackward: problems(fc.tuple(length, bounds), ([n, limits], data) =>
    problem({
      arrays: { dX: data.junk(n), dOut: data.floats(n), x: data.floats(n) },
      writes: ['dX'],
      aliases: [['dX', 'dOut']],
      call: (kernels, { dX, dOut, x }) => kernels.clampBackward(dX, dOut, x, limits),
    }),
  ),
  relu6Backward: unaryBackward('relu6Backward', { saved: wide }),
  hardswishBackward: unaryBackward('hardswishBackward', {
    saved: wide,
    rtol: 4 * U,
    atol: TINY,
    scale: ({ dOut }) => dOut,
  }),
  eluBackward: problems(fc.tuple(length, slope), ([n, alpha], data) =>
    problem({
      arrays: { dX: data.junk(n), dOut: data.floats(n), x: wide(data, n) },
      writes: ['dX'],
      aliases: [['dX', 'dOut']],
      call: (kernels, { dX, dOut, x }) => kernels.eluBackward(dX, dOut, x, { alpha }),
      rtol: 6 * U,
      atol: TINY,
    }),
  ),
  mishBackward: unaryBackward('mishBackward', {
    saved: wide,
    rtol: 10 * U,
    atol: TINY,
    scale: ({ dOut }) => dOut,
  }),
};
