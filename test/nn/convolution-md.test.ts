import {
  add,
  bufferOf,
  defineFunction,
  empty,
  Generator,
  indexSelect,
  kernelsFor,
  matmul,
  mul,
  ones,
  Parameter,
  permute,
  randn,
  reshape,
  Scope,
  sum,
  Tape,
  tensor,
  transpose,
  zeros,
  type Context,
  type DeviceBuffer,
  type NestedArray,
  type Tensor,
  type WindowGeometry,
} from '@unfold/core';
import { Conv2d, conv2d, Module } from '@unfold/nn';
import { expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import {
  convByDefinition,
  convNumbers,
  convOnTape,
  shapesOf,
  type ConvAxis,
  type ConvCase,
} from '../support/convolutions/conv-cases.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { windowGeometry } from '../support/kernels/kernels.js';

/** Rows of numbers as a batch of one image with one channel. */
function image(rows: NestedArray[]): NestedArray {
  return [[rows]];
}

/** ‖a - b‖ */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.hypot(...Array.from(a, (value, i) => value - (b[i] as number)));
}

function axis(size: number, kernel: number, stride = 1, padding = 0): ConvAxis {
  return { size, kernel, stride, padding, dilation: 1 };
}

/** 28×28, one channel in and out, kernel 3×3, padding 1: the digit of the forum's question. */
const DIGIT: ConvCase = {
  N: 1,
  groups: 1,
  groupC: 1,
  groupOC: 1,
  axes: [axis(28, 3, 1, 1), axis(28, 3, 1, 1)],
  padding: 'numbers',
  bias: false,
};

/** Two convolutions with N ≠ C ≠ OC and nothing square. */
const UNEVEN: ConvCase[] = [
  {
    N: 2,
    groups: 1,
    groupC: 3,
    groupOC: 4,
    axes: [axis(9, 3, 2, 1), axis(8, 2, 1, 0)],
    padding: 'numbers',
    bias: true,
  },
  {
    N: 3,
    groups: 1,
    groupC: 2,
    groupOC: 5,
    axes: [axis(6, 2, 1, 1), axis(11, 4, 3, 2)],
    padding: 'numbers',
    bias: true,
  },
];

interface Window {
  readonly window: WindowGeometry;
}

/** `[N, C, H, W]` → `[N, k, p]`, and fold as its gradient, made of the kernels by a user. */
const unfold = defineFunction('unfold', {
  forward(ctx: Context<Window>, x: Tensor, { window }: Window) {
    ctx.save({ window });
    const [N = 0, C = 0] = x.shape;
    const U = empty([N, C * window.KH * window.KW, window.OH * window.OW], x.dtype);
    for (let n = 0; n < N; n++) {
      kernelsFor(x.dtype).unfold(ofImage(U, n), ofImage(x, n), window);
    }
    return U;
  },
  backward(ctx, dU) {
    const { window } = ctx.saved;
    const [N = 0] = dU.shape;
    const dX = zeros([N, window.C, window.H, window.W], { dtype: dU.dtype });
    for (let n = 0; n < N; n++) {
      kernelsFor(dU.dtype).fold(ofImage(dX, n), ofImage(dU, n), window);
    }
    return dX;
  },
});

/** The elements of the n-th image. */
function ofImage(x: Tensor, n: number): DeviceBuffer {
  const size = x.size / (x.shape[0] ?? 1);
  return bufferOf(x).slice(n * size, (n + 1) * size);
}

interface Operands extends Window {
  readonly x: Tensor;
  readonly weight: Tensor;
}

/** A convolution as the assignment asks for it: its inputs saved in ctx, both halves by hand. */
const userConv = defineFunction('userConv', {
  forward(ctx: Context<Operands>, x: Tensor, weight: Tensor, bias: Tensor, { window }: Window) {
    ctx.save({ x, weight, window });
    const [N = 0] = x.shape;
    const [cOut = 0] = weight.shape;
    const U = unfold(x, { window });
    const Y = add(matmul(reshape(weight, [cOut, -1]), U), reshape(bias, [cOut, 1]));
    return reshape(Y, [N, cOut, window.OH, window.OW]);
  },
  backward(ctx, dOut) {
    const { x, weight, window } = ctx.saved;
    const [N = 0, cOut = 0] = dOut.shape;
    const dY = reshape(dOut, [N, cOut, -1]);
    // Of each image dY·Uᵀ, only the last two axes swapped; then the sum over the images.
    const dW = sum(matmul(dY, unfold(x, { window }), { transposeB: true }), { axis: 0 });
    const dU = matmul(reshape(weight, [cOut, -1]), dY, { transposeA: true });
    const dX = zeros(x.shape, { dtype: x.dtype });
    for (let n = 0; n < N; n++) {
      kernelsFor(x.dtype).fold(ofImage(dX, n), ofImage(dU, n), window);
    }
    return [dX, reshape(dW, weight.shape), sum(dY, { axis: [0, 2] })];
  },
});

/** A convolution whose kernel is the matrix `(k, cOut)`: Y' = Ũ·W̃, then back to images. */
class MatrixConv extends Module {
  readonly kernel: Parameter;

  constructor(kernel: Tensor) {
    super();
    this.kernel = new Parameter(kernel);
  }

  forward(x: Tensor, window: WindowGeometry): Tensor {
    const rows = matmul(transpose(unfold(x, { window })), this.kernel); // (b, p, cOut)
    return reshape(transpose(rows), [x.shape[0] ?? 0, -1, window.OH, window.OW]);
  }
}

function windowOf({ groupC, axes: [h, w] }: ConvCase): WindowGeometry {
  return windowGeometry({
    C: groupC,
    image: [h.size, w.size],
    kernel: [h.kernel, w.kernel],
    stride: [h.stride, w.stride],
    padding: [h.padding, w.padding],
  });
}

onEveryEngine('the numbers of docs/convolution.md', ({ dtype }) => {
  /** Both gradients must be right to this, for sums of some hundred products of size 1. */
  const close = {
    rtol: dtype === 'float64' ? 1e-12 : 1e-5,
    atol: dtype === 'float64' ? 1e-12 : 1e-5,
  };
  const leaf = (data: NestedArray): Tensor =>
    tensor(data, undefined, { dtype, requiresGrad: true });

  it('stride 2 over 1 … 49 is a cross-correlation, not flipped', () => {
    using _scope = new Scope();
    const counting = Array.from({ length: 49 }, (_, i) => i + 1);
    const A = tensor(Float64Array.from(counting), [1, 1, 7, 7], { dtype });
    const B = tensor(
      image([
        [1, 2],
        [3, 4],
      ]),
      undefined,
      { dtype },
    );
    expect(conv2d(A, B, null, { stride: 2 }).toArray()).toEqual(
      image([
        [65, 85, 105],
        [205, 225, 245],
        [345, 365, 385],
      ]),
    );
  });

  it('patch r starts at row (r div wOut)·S, column (r mod wOut)·S, in the order c, m, n', () => {
    using _scope = new Scope();
    const window = windowGeometry({ C: 2, image: [5, 7], kernel: [3, 2], stride: [2, 2] });
    const [hOut, wOut] = [2, 3];
    expect([window.OH, window.OW]).toEqual([hOut, wOut]);
    const X = tensor(
      Float64Array.from({ length: 70 }, (_, i) => i),
      [1, 2, 5, 7],
      { dtype },
    );
    const U = transpose(unfold(X, { window })).toArray(); // (1, p, k): one patch a row
    const patches = Array.from({ length: hOut * wOut }, (_, r) => {
      const top = Math.floor(r / wOut) * 2;
      const left = (r % wOut) * 2;
      return [0, 1].flatMap((c) =>
        [0, 1, 2].flatMap((m) => [0, 1].map((n) => c * 35 + (top + m) * 7 + left + n)),
      );
    });
    expect(U).toEqual([patches]);
  });

  it('the 5×5 example: Y, dB, dA, and exact zeros where nothing is read', () => {
    using tape = new Tape();
    const A = leaf(
      image([
        [5, 27, 9, -15, 12],
        [2, 4, -2, -7, 8],
        [-8, 16, 5, 23, -6],
        [-17, 7, 9, -14, 3],
        [10, -5, 13, 6, -11],
      ]),
    );
    const B = leaf(
      image([
        [8, 4],
        [2, 6],
      ]),
    );
    const Y = conv2d(A, B, null, { stride: 2 });
    expect(Y.toArray()).toEqual(
      image([
        [176, -34],
        [8, 66],
      ]),
    );
    tape.backward(Y, ones(Y.shape, { dtype }));
    expect(B.grad?.toArray()).toEqual(
      image([
        [11, 51],
        [-8, -10],
      ]),
    );
    expect(A.grad?.toArray()).toEqual(
      image([
        [8, 4, 8, 4, 0],
        [2, 6, 2, 6, 0],
        [8, 4, 8, 4, 0],
        [2, 6, 2, 6, 0],
        [0, 0, 0, 0, 0],
      ]),
    );
  });

  it("the notebook's setting: (14,4,32,35) → (14,5,15,17), equal to the loops", () => {
    const notebook: ConvCase = {
      N: 14,
      groups: 1,
      groupC: 4,
      groupOC: 5,
      axes: [axis(32, 3, 2), axis(35, 2, 2)],
      padding: 'numbers',
      bias: true,
    };
    expect(shapesOf(notebook).out).toEqual([14, 5, 15, 17]);
    const drawn = convNumbers(notebook, 1);
    // Of the size that a loss's gradient has: in float32 the norm below grows with it.
    const numbers = { ...drawn, dOut: drawn.dOut.map((value) => Math.fround(value / 10)) };
    const actual = convOnTape(notebook, numbers, dtype);
    const expected = convByDefinition(notebook, numbers);
    expect(Math.hypot(...expected.dWeight)).toBeGreaterThan(10);
    for (const name of ['out', 'dWeight', 'dBias', 'dX'] as const) {
      expect(distance(actual[name], expected[name]), name).toBeLessThan(1e-4);
    }
  });

  it('a layer without bias has cOut·c·hk·wk parameters', () => {
    const layer = new Conv2d(4, 5, [3, 2], { stride: 2, bias: false, dtype });
    expect(layer.parameterCount()).toBe(5 * 4 * 3 * 2);
    layer.dispose();
  });

  it("the forum's setting: dW = dY·Uᵀ and dU = Wᵀ·dY, with dY the output's gradient", () => {
    using _scope = new Scope();
    const numbers = convNumbers(DIGIT, 2);
    const U = unfold(tensor(numbers.x, [1, 1, 28, 28], { dtype }), { window: windowOf(DIGIT) });
    expect(U.shape).toEqual([1, 9, 784]);
    const dY = tensor(numbers.dOut, [1, 1, 784], { dtype });
    const dW = matmul(dY, transpose(U));
    expect(dW.shape).toEqual([1, 1, 9]);
    const W = tensor(numbers.weight, [1, 9], { dtype });
    const dU = matmul(transpose(W), dY);
    expect(dU.shape).toEqual([1, 9, 784]);

    const expected = convByDefinition(DIGIT, numbers);
    const { dWeight } = convOnTape(DIGIT, numbers, dtype);
    expectClose(dW.data, expected.dWeight, { ...close, atol: 30 * close.atol });
    expectClose(dWeight, expected.dWeight, { ...close, atol: 30 * close.atol });
    // dU[k, p] is one product, W[k]·dY[p].
    const outer = Array.from(numbers.weight).flatMap((w) => Array.from(numbers.dOut, (d) => w * d));
    expectClose(dU.data, outer, { ...close, atol: 0 });
    // Fold sums where patches overlap: a pixel inside gets nine values, a corner four.
    const dX = zeros([1, 1, 28, 28], { dtype });
    dX.updateBuffer((own) => kernelsFor(dtype).fold(own, bufferOf(dU), windowOf(DIGIT)));
    expectClose(dX.data, expected.dX, close);
  });

  it.each(UNEVEN)("the assignment's setting: a user's autograd function, case %#", (given) => {
    const { x: xShape, weight: weightShape, bias: biasShape } = shapesOf(given);
    const numbers = convNumbers(given, 3);
    const builtIn = convOnTape(given, numbers, dtype);
    using tape = new Tape();
    const x = tensor(numbers.x, xShape, { dtype, requiresGrad: true });
    const weight = tensor(numbers.weight, weightShape, { dtype, requiresGrad: true });
    const bias = tensor(numbers.bias, biasShape, { dtype, requiresGrad: true });
    const out = userConv(x, weight, bias, { window: windowOf(given) });
    expect(out.shape).toEqual(shapesOf(given).out);
    tape.backward(out, tensor(numbers.dOut, out.shape, { dtype }));
    const results = { out, dX: x.grad, dWeight: weight.grad, dBias: bias.grad };
    for (const name of ['out', 'dX', 'dWeight', 'dBias'] as const) {
      expectClose(results[name]?.data ?? [], builtIn[name], close);
    }
  });

  it.each(UNEVEN)('a module whose kernel is stored as (k, cOut), case %#', (given) => {
    const { x: xShape, weight: weightShape, out: outShape } = shapesOf(given);
    const [cOut, c, hk, wk] = weightShape;
    const withoutBias = { ...given, bias: false };
    const numbers = convNumbers(withoutBias, 4);
    const builtIn = convOnTape(withoutBias, numbers, dtype);
    using tape = new Tape();
    const x = tensor(numbers.x, xShape, { dtype, requiresGrad: true });
    const W = tensor(numbers.weight, [cOut, c * hk * wk], { dtype });
    const layer = new MatrixConv(transpose(W));
    expect(layer.stateDict().get('kernel')?.shape).toEqual([c * hk * wk, cOut]);
    const out = layer.forward(x, windowOf(given));
    expect(out.shape).toEqual(outShape);
    tape.backward(out, tensor(numbers.dOut, outShape, { dtype }));
    expectClose(out.data, builtIn.out, close);
    expectClose(x.grad?.data ?? [], builtIn.dX, close);
    const { grad } = layer.kernel;
    expectClose(grad ? transpose(grad).data : [], builtIn.dWeight, close);
    layer.dispose();
  });

  it('at stride 1, dX is the full convolution of dOut with the kernel flipped in both axes', () => {
    using tape = new Tape();
    const random = { dtype, generator: new Generator(5) };
    const x = randn([2, 3, 7, 6], random);
    x.requiresGrad = true;
    const weight = randn([4, 3, 3, 2], random);
    const out = conv2d(x, weight);
    const dOut = randn(out.shape, random);
    tape.backward(out, dOut);
    const rows = tensor(Int32Array.of(2, 1, 0));
    const columns = tensor(Int32Array.of(1, 0));
    const flipped = indexSelect(indexSelect(weight, 2, rows), 3, columns);
    const dX = conv2d(dOut, permute(flipped, [1, 0, 2, 3]), null, { padding: [2, 1] });
    expect(dX.shape).toEqual(x.shape);
    expectClose(x.grad?.data ?? [], dX.data, close);
  });

  it('fold after unfold multiplies each pixel by the number of patches that hold it', () => {
    using _scope = new Scope();
    const window = windowGeometry({ image: [5, 6], kernel: [3, 2], stride: [2, 1] });
    const x = randn([1, 1, 5, 6], { dtype, generator: new Generator(6) });
    const folded = zeros(x.shape, { dtype });
    const count = zeros(x.shape, { dtype });
    const kernels = kernelsFor(dtype);
    const [U, unit] = [unfold(x, { window }), unfold(ones(x.shape, { dtype }), { window })];
    folded.updateBuffer((own) => kernels.fold(own, bufferOf(U), window));
    count.updateBuffer((own) => kernels.fold(own, bufferOf(unit), window));
    const columns = [1, 2, 2, 2, 2, 1];
    expect(count.toArray()).toEqual(
      image([1, 1, 2, 1, 1].map((inRow) => columns.map((inColumn) => inRow * inColumn))),
    );
    expectClose(folded.data, mul(x, count).data, close);
  });
});
