import {
  bufferOf,
  add,
  concat,
  Generator,
  kernelsFor,
  matmul,
  mul,
  randn,
  Scope,
  slice,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { conv2d, outputSize } from '@unfold/nn';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import {
  CONV_KINDS,
  convByDefinition,
  convCases,
  convMagnitudes,
  convNumbers,
  convOnTape,
  countWindows,
  gradientOf,
  optionsOf,
  shapesOf,
  sizeOf,
  timesRead,
  zerosAround,
  type ConvCase,
  type ConvKind,
} from '../support/convolutions/conv-cases.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { FLOAT32_ROUNDING } from '../support/fixtures/fixtures.js';
import { windowGeometry } from '../support/kernels/kernels.js';

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const kinds = Object.keys(CONV_KINDS) as ConvKind[];
const cases = fc.oneof(...kinds.map((kind) => convCases(kind, 1500)));

/** Runs `check` on generated cases, each in a scope of its own. */
function forAll(
  generated: fc.Arbitrary<ConvCase>,
  check: (given: ConvCase, seed: number) => void,
): void {
  fc.assert(
    fc.property(generated, seeds, (given, seed) => Scope.run(() => check(given, seed))),
    { numRuns: 60, seed: 20260101 },
  );
}

/** The error of a sum of `length` products, as a part of the sum of their magnitudes. */
function rtol(dtype: 'float32' | 'float64', length: number): number {
  return (dtype === 'float64' ? 2 ** -53 : FLOAT32_ROUNDING) * (length + 4);
}

/** Fails unless ⟨a, b⟩ = ⟨c, d⟩ within `tolerance` of the sum of the products' magnitudes. */
function expectSameProduct(
  [a, b]: readonly [ArrayLike<number>, ArrayLike<number>],
  [c, d]: readonly [ArrayLike<number>, ArrayLike<number>],
  tolerance: number,
): void {
  const products = (u: ArrayLike<number>, v: ArrayLike<number>): number[] => {
    expect(u.length).toBe(v.length);
    return Array.from(u, (value, i) => value * (v[i] as number));
  };
  const total = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0);
  const [left, right] = [products(a, b), products(c, d)];
  const scale = [total(left.concat(right).map(Math.abs))];
  expectClose([total(left)], [total(right)], { rtol: tolerance, atol: 0, scale });
}

onEveryEngine('conv2d on random geometry', ({ dtype }) => {
  it.each(kinds)('equals the definition, forward and backward: %s', (kind) => {
    forAll(convCases(kind, 1500), (given, seed) => {
      const numbers = convNumbers(given, seed);
      const actual = convOnTape(given, numbers, dtype);
      const expected = convByDefinition(given, numbers);
      const scale = convMagnitudes(given, numbers);
      const { weight, out } = shapesOf(given);
      const [OC, groupC, KH, KW] = weight;
      const [N, , OH, OW] = out;
      const lengths = {
        out: groupC * KH * KW + 1,
        dX: (OC / given.groups) * KH * KW,
        dWeight: N * OH * OW,
        dBias: N * OH * OW,
      };
      for (const name of ['out', 'dX', 'dWeight', 'dBias'] as const) {
        expectClose(actual[name], expected[name], {
          rtol: rtol(dtype, lengths[name]),
          atol: 0,
          scale: scale[name],
        });
      }
    });
  });

  it('is linear in x and in the weight', () => {
    forAll(cases, (given, seed) => {
      const shapes = shapesOf(given);
      const one = convNumbers(given, seed);
      const other = convNumbers(given, seed + 1);
      const leaf = (values: Float64Array, shape: readonly number[]): Tensor =>
        tensor(values, shape, { dtype });
      const convolve = (x: Tensor, weight: Tensor): Tensor =>
        conv2d(x, weight, null, optionsOf(given));
      const [x, weight] = [leaf(one.x, shapes.x), leaf(one.weight, shapes.weight)];
      const [x2, weight2] = [leaf(other.x, shapes.x), leaf(other.weight, shapes.weight)];
      const [, groupC, KH, KW] = shapes.weight;
      const tolerance = rtol(dtype, groupC * KH * KW + 4);
      const magnitudes = (a: typeof one, b: typeof one): Float64Array =>
        convMagnitudes(given, {
          ...one,
          x: one.x.map((value, i) => 3 * Math.abs(value) + Math.abs(a.x[i] as number)),
          weight: one.weight.map(
            (value, i) => 3 * Math.abs(value) + Math.abs(b.weight[i] as number),
          ),
        }).out;

      const inX = convolve(add(mul(x, 3), x2), weight);
      expectClose(inX.data, add(mul(convolve(x, weight), 3), convolve(x2, weight)).data, {
        rtol: tolerance,
        atol: 0,
        scale: magnitudes(other, one),
      });
      const inWeight = convolve(x, add(mul(weight, 3), weight2));
      expectClose(inWeight.data, add(mul(convolve(x, weight), 3), convolve(x, weight2)).data, {
        rtol: tolerance,
        atol: 0,
        scale: magnitudes(one, other),
      });
    });
  });

  it('with a 1×1 kernel equals a matmul over the channels', () => {
    const pointwise = convCases('1×1', 1500).map((given): ConvCase => {
      const [h, w] = given.axes;
      const plain = { stride: 1, padding: 0, dilation: 1 };
      return {
        ...given,
        groups: 1,
        axes: [
          { ...h, ...plain },
          { ...w, ...plain },
        ],
      };
    });
    forAll(pointwise, (given, seed) => {
      const { N, groupC: C, groupOC: OC } = given;
      const numbers = convNumbers(given, seed);
      const { out } = convOnTape(given, numbers, dtype);
      const x = tensor(numbers.x, [N, C, numbers.x.length / (N * C)], { dtype });
      const weight = tensor(numbers.weight, [OC, C], { dtype });
      const bias = tensor(numbers.bias, [OC, 1], { dtype });
      expectClose(out, add(matmul(weight, x), bias).data, {
        rtol: rtol(dtype, C + 1),
        atol: 0,
        scale: convMagnitudes(given, numbers).out,
      });
    });
  });

  it('in groups equals separate convolutions joined', () => {
    forAll(convCases('grouped', 1500), (given, seed) => {
      const { groups, groupC, groupOC } = given;
      const shapes = shapesOf(given);
      const numbers = convNumbers(given, seed);
      const x = tensor(numbers.x, shapes.x, { dtype });
      const weight = tensor(numbers.weight, shapes.weight, { dtype });
      const bias = tensor(numbers.bias, shapes.bias, { dtype });
      const separate = Array.from({ length: groups }, (_, group) => {
        const inputs: [number, number] = [group * groupC, (group + 1) * groupC];
        const outputs: [number, number] = [group * groupOC, (group + 1) * groupOC];
        return conv2d(slice(x, [null, inputs]), slice(weight, [outputs]), slice(bias, [outputs]), {
          ...optionsOf(given),
          groups: 1,
        });
      });
      const joined = conv2d(x, weight, bias, optionsOf(given));
      expect(joined.shape).toEqual(shapes.out);
      expectClose(joined.data, concat(separate, 1).data, {
        rtol: rtol(dtype, groupC * sizeOf(shapes.weight.slice(2))),
        atol: 0,
        scale: convMagnitudes(given, numbers).out,
      });
    });
  });

  it('has ⟨unfold(x), y⟩ = ⟨x, fold(y)⟩', () => {
    const numeric = kinds.filter((kind) => kind !== 'same').map((kind) => convCases(kind, 1500));
    forAll(fc.oneof(...numeric), ({ groupC: C, axes: [h, w] }, seed) => {
      const geometry = windowGeometry({
        C,
        image: [h.size, w.size],
        kernel: [h.kernel, w.kernel],
        stride: [h.stride, w.stride],
        padding: [h.padding, w.padding],
        dilation: [h.dilation, w.dilation],
      });
      const columns = [C * h.kernel * w.kernel, geometry.OH * geometry.OW];
      const random = { dtype, generator: new Generator(seed) };
      const x = randn([C, h.size, w.size], random);
      const y = randn(columns, random);
      const unfolded = zeros(columns, { dtype });
      const folded = zeros(x.shape, { dtype });
      const kernels = kernelsFor(dtype);
      unfolded.updateBuffer((own) => kernels.unfold(own, bufferOf(x), geometry));
      folded.updateBuffer((own) => kernels.fold(own, bufferOf(y), geometry));
      const tolerance = rtol(dtype, h.kernel * w.kernel);
      expectSameProduct([unfolded.data, y.data], [x.data, folded.data], tolerance);
    });
  });

  it('has ⟨conv(x), dOut⟩ = ⟨x, dX⟩ = ⟨weight, dWeight⟩, the layer as a whole', () => {
    forAll(cases, (given, seed) => {
      const { weight, out } = shapesOf(given);
      const numbers = convNumbers(given, seed);
      const results = convOnTape({ ...given, bias: false }, numbers, dtype);
      const tolerance = rtol(dtype, out[0] * sizeOf(out.slice(2)) + sizeOf(weight));
      const product = [results.out, numbers.dOut] as const;
      expectSameProduct(product, [numbers.x, results.dX], tolerance);
      expectSameProduct(product, [numbers.weight, results.dWeight], tolerance);
    });
  });

  it('leaves the gradient of pixels that no window reads at exactly 0', () => {
    forAll(convCases('strided, leaving a rest', 1500), (given, seed) => {
      const read = timesRead(given);
      const { dX } = convOnTape(given, convNumbers(given, seed), dtype);
      const unread = Array.from(dX).filter((_, i) => read[i] === 0);
      expect(unread.length).toBeGreaterThan(0);
      expect(unread.every((gradient) => gradient === 0)).toBe(true);
    });
  });
});

describe('the output size', () => {
  it('equals the number of windows counted one by one', () => {
    const axes = fc.record({
      size: fc.integer({ min: 1, max: 40 }),
      kernel: fc.integer({ min: 1, max: 9 }),
      stride: fc.integer({ min: 1, max: 7 }),
      dilation: fc.integer({ min: 1, max: 4 }),
      padding: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(axes, fc.constantFrom('numbers', 'same'), (axis, mode) => {
        const [before, after] = zerosAround(mode, axis);
        const formula = outputSize(
          axis.size,
          axis.kernel,
          axis.stride,
          before + after,
          axis.dilation,
        );
        // Where not even one window fits, the formula is 0 or below.
        expect(Math.max(0, formula)).toBe(countWindows(mode, axis));
      }),
      { numRuns: 1000, seed: 20260101 },
    );
  });

  it("is the input's size for padding 'same'", () => {
    forAll(convCases('same', 1500), (given, seed) => {
      const [N, , H, W] = shapesOf(given).x;
      const [OC] = shapesOf(given).bias;
      const { x, weight } = convNumbers(given, seed);
      const out = conv2d(
        tensor(x, shapesOf(given).x),
        tensor(weight, shapesOf(given).weight),
        null,
        optionsOf(given),
      );
      expect(out.shape).toEqual([N, OC, H, W]);
    });
  });
});

describe('what a gradient does not depend on', () => {
  it("is which other gradients are asked for: a frozen operand leaves the others' bits alone", () => {
    forAll(cases, (given, seed) => {
      const shapes = shapesOf(given);
      const numbers = convNumbers(given, seed);
      const all = convOnTape(given, numbers, 'float32');
      for (const asked of ['x', 'weight'] as const) {
        using tape = new Tape();
        const x = tensor(numbers.x, shapes.x, { dtype: 'float32' });
        const weight = tensor(numbers.weight, shapes.weight, { dtype: 'float32' });
        const leaf = asked === 'x' ? x : weight;
        leaf.requiresGrad = true;
        const out = conv2d(x, weight, null, optionsOf(given));
        tape.backward(out, tensor(numbers.dOut, shapes.out, { dtype: 'float32' }));
        expect(gradientOf(leaf)).toEqual(asked === 'x' ? all.dX : all.dWeight);
        expect((asked === 'x' ? weight : x).grad).toBeNull();
      }
    });
  });
});
