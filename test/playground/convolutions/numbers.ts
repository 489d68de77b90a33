import { add, matmul, ones, reshape, sum, Tape, type Tensor, tensor } from '@unfold/core';
import { conv2d, fold, unfold } from '@unfold/nn';
import {
  type Convolution,
  dBiasAt,
  dUAt,
  dWeightAt,
  dXAt,
  foldedCopiesAt,
  outAt,
  paddedAt,
  productAt,
  rowsOf,
  unfoldedAt,
} from '../../../playground/src/spec/convolution/convolution.js';
import { flippedRouteAt } from '../../../playground/src/spec/convolution/flipped.js';
import { countAt } from '../../../playground/src/spec/convolution/geometry.js';

/** Everything that the view shows of a convolution, each as one long array. */
export interface Numbers {
  /** `[N, C·KH·KW, p]` */
  readonly U: number[];
  /** `[N, OC, p]`, without the bias. */
  readonly product: number[];
  readonly out: number[];
  readonly dWeight: number[];
  /** Empty without a bias. */
  readonly dBias: number[];
  /** `[N, C·KH·KW, p]` */
  readonly dU: number[];
  /** `[N, C, H, W]`, by fold. */
  readonly dX: number[];
  /** The same, by the flipped kernel. */
  readonly flipped: number[];
  /** `[C, H, W]`: fold of the unfolded ones. */
  readonly counts: number[];
  /** `[N, C, H, W]`: fold of the unfolded x. */
  readonly foldedCopies: number[];
}

/** As the page's plain loops have them. */
export function shownNumbers(convolution: Convolution): Numbers {
  const { geometry } = convolution;
  const { N, C, H, W, OC, KH, KW, padding, p } = geometry;
  const images = indices(N);
  const [rows, patches, channels] = [indices(C * KH * KW), indices(p), indices(OC)];
  const matrix = (value: (n: number, e: number, r: number) => number): number[] =>
    images.flatMap((n) => rows.flatMap((e) => patches.map((r) => value(n, e, r))));
  const planes = (value: (n: number, o: number, r: number) => number): number[] =>
    images.flatMap((n) => channels.flatMap((o) => patches.map((r) => value(n, o, r))));
  const pixels = indices(C).flatMap((c) =>
    indices(H).flatMap((h) => indices(W).map((w) => ({ c, h: h + padding, w: w + padding }))),
  );
  return {
    U: matrix((n, e, r) => unfoldedAt(convolution, n, e, r)),
    product: planes((n, o, r) => productAt(convolution, n, o, r)),
    out: planes((n, o, r) => outAt(convolution, n, o, r)),
    dWeight: channels.flatMap((o) => rowsOf(geometry, o).map((e) => dWeightAt(convolution, o, e))),
    dBias: convolution.bias ? channels.map((o) => dBiasAt(convolution, o)) : [],
    dU: matrix((n, e, r) => dUAt(convolution, n, e, r)),
    dX: images.flatMap((n) => pixels.map((pixel) => dXAt(convolution, n, pixel))),
    flipped: images.flatMap((n) => pixels.map((pixel) => flippedRouteAt(convolution, n, pixel))),
    counts: pixels.map((pixel) => countAt(geometry, pixel)),
    foldedCopies: images.flatMap((n) =>
      pixels.map((pixel) => foldedCopiesAt(convolution, n, pixel)),
    ),
  };
}

/** As core and nn compute them: `unfold`, `matmul` and `fold`, and a convolution on a tape. */
export function coreNumbers({ geometry, ...numbers }: Convolution): Numbers {
  const { N, C, H, W, OC, KH, KW, groups, groupC, groupOC, k, p } = geometry;
  const { stride, padding, dilation } = geometry;
  const window = { stride, padding, dilation };
  using tape = new Tape();
  const x = tensor(Float64Array.from(numbers.x), [N, C, H, W], { requiresGrad: true, ...WIDE });
  const weight = tensor(Float64Array.from(numbers.weight), [OC, groupC, KH, KW], {
    requiresGrad: true,
    ...WIDE,
  });
  const bias =
    numbers.bias && tensor(Float64Array.from(numbers.bias), [OC], { requiresGrad: true, ...WIDE });
  const out = conv2d(x, weight, bias, { ...window, groups });
  const dOut = tensor(Float64Array.from(numbers.dOut), out.shape, WIDE);
  tape.backward(out, dOut);

  const grouped = reshape(weight, [1, groups, groupOC, k]);
  const U = unfold(x, [KH, KW], window);
  const product = matmul(grouped, reshape(U, [N, groups, k, p]));
  const dU = matmul(grouped, reshape(dOut, [N, groups, groupOC, p]), { transposeA: true });
  const dUFlat = reshape(dU, U.shape);
  const withBias = bias ? add(reshape(product, [N, OC, p]), reshape(bias, [OC, 1])) : product;
  const dWeight = sum(
    matmul(reshape(dOut, [N, groups, groupOC, p]), reshape(U, [N, groups, k, p]), {
      transposeB: true,
    }),
    { axis: 0 },
  );
  const unit = ones([1, C, H, W], WIDE);
  const image: [number, number] = [H, W];
  const result = {
    U: valuesOf(U),
    product: valuesOf(product),
    out: valuesOf(out),
    dWeight: gradientOf(weight),
    dBias: bias ? gradientOf(bias) : [],
    dU: valuesOf(dU),
    dX: gradientOf(x),
    flipped: gradientOf(x),
    counts: valuesOf(fold(unfold(unit, [KH, KW], window), image, [KH, KW], window)),
    foldedCopies: valuesOf(fold(U, image, [KH, KW], window)),
  };
  // The route that is spelled out and the layer's own are the same numbers, or one of them is wrong.
  same('unfold and matmul', valuesOf(withBias), result.out);
  same('dOut times U', valuesOf(dWeight), result.dWeight);
  same('fold', valuesOf(fold(dUFlat, image, [KH, KW], window)), result.dX);
  return result;
}

/** Whole numbers in float64, whose sums are exact in any order. */
const WIDE = { dtype: 'float64' } as const;

/** @throws Error that says what differs. */
export function compareNumbers(convolution: Convolution): void {
  const shown = shownNumbers(convolution);
  const core = coreNumbers(convolution);
  for (const name of Object.keys(core) as (keyof Numbers)[]) {
    same(`${name} of ${JSON.stringify(convolution.geometry)}`, shown[name], core[name]);
  }
  // What is shown as padded input, inside and outside of the image.
  const { N, C, H, W, PH, PW, padding } = convolution.geometry;
  for (const n of indices(N)) {
    for (const c of indices(C)) {
      for (const h of indices(PH)) {
        for (const w of indices(PW)) {
          const [row, column] = [h - padding, w - padding];
          const isInside = row >= 0 && column >= 0 && row < H && column < W;
          const expected = isInside ? convolution.x[((n * C + c) * H + row) * W + column] : 0;
          same('padded x', [paddedAt(convolution, n, { c, h, w })], [expected ?? NaN]);
        }
      }
    }
  }
}

/** @throws Error unless all numbers are equal; 0 equals -0. */
function same(what: string, shown: readonly number[], core: readonly number[]): void {
  const wrong = core.findIndex((value, i) => shown[i] !== value);
  if (shown.length !== core.length || wrong !== -1) {
    throw new Error(
      `${what}: ${shown.length} numbers are shown, core has ${core.length}; ` +
        `number ${wrong} is shown as ${shown[wrong]}, core has ${core[wrong]}`,
    );
  }
}

const valuesOf = (given: Tensor): number[] => Array.from(given.data);

function gradientOf(leaf: Tensor): number[] {
  if (!leaf.grad) throw new Error(`${leaf.describe()} has no gradient`);
  return valuesOf(leaf.grad);
}

const indices = (length: number): number[] => Array.from({ length }, (_, i) => i);
