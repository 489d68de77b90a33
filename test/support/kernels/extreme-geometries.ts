import fc from 'fast-check';
import type {
  Conv2dGeometry,
  Conv2dJoinedGeometry,
  KernelName,
  StridedGeometry,
  WindowGeometry,
} from '../../../packages/core/src/kernels/contract.js';
import { Data, integer, type Float32Kernels, type KernelArray } from './problem.js';
import { referenceKernels } from './all-kernels.js';

type Arrays = Readonly<Record<string, KernelArray>>;

/** A call with sizes, strides and paddings that no sane program has. */
export interface ExtremeCall {
  readonly kernel: KernelName;
  readonly arrays: Arrays;
  readonly writes: readonly string[];
  readonly geometry: object;
  /** Whether operands are as long as the geometry says, and indices inside. */
  readonly isTrue: boolean;
  /** How far results may be from the reference, which adds in doubles; 0 where sums are exact. */
  readonly tolerance: number;
  call(kernels: Float32Kernels, arrays: Arrays): void;
}

/** Elements of the largest operand. */
const MOST = 4096;
/** Products that the reference is asked for, at most. */
const MOST_PRODUCTS = 200_000;

/** A power of 2, or one beside it. */
const nearPower = (min: number, max: number) =>
  fc.tuple(integer(min, max), integer(-1, 1)).map(([bits, more]) => 2 ** bits + more);

/** 32 bits and their neighbourhood, where products wrap round, and what is beyond. */
const huge = fc.oneof(
  { weight: 3, arbitrary: nearPower(26, 31) },
  { weight: 2, arbitrary: nearPower(8, 34) },
  { weight: 2, arbitrary: integer(100, 70_000) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 53, 1e15, 1e300) },
);

/** What an integer may be changed to. */
const wrong = fc.oneof(
  { weight: 6, arbitrary: huge },
  { weight: 2, arbitrary: fc.constantFrom(0, -1, -(2 ** 31), 2 ** 31, 2 ** 32, 2 ** 32 + 1) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, 1.5, -0.5) },
  { weight: 2, arbitrary: integer(0, 20) },
);

interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly out: number;
  readonly stride: number;
  readonly pad: number;
  readonly dilation: number;
}

function axis(kernels: fc.Arbitrary<number>, mostOutputs: number): fc.Arbitrary<Axis> {
  return fc
    .record({
      size: integer(1, 12),
      kernel: kernels,
      dilation: fc.oneof(fc.constant(1), integer(1, 3), huge),
      /** Padding in dilations, so that some tap meets the image. */
      taps: integer(0, 3),
      near: integer(0, 6),
      stride: fc.oneof({ weight: 2, arbitrary: fc.constant(1) }, integer(1, 3), huge),
      /** Whether the windows' step is that of the taps, or of the padding. */
      step: fc.constantFrom('stride', 'stride', 'dilation', 'pad'),
      more: integer(0, 1),
    })
    .map(({ size, kernel, dilation, taps, near, stride: own, step, more }) => {
      const pad = dilation * Math.min(taps, kernel - 1) + near;
      const stride = Math.max(1, step === 'stride' ? own : step === 'pad' ? pad : dilation);
      const range = size + 2 * pad - dilation * (kernel - 1) - 1;
      const out = Math.floor(range / stride) + 1 + more;
      return { size, kernel, dilation, pad, stride, out };
    })
    .filter(({ out }) => out >= 1 && out <= mostOutputs);
}

function window(C: number, h: Axis, w: Axis): WindowGeometry {
  return {
    C,
    H: h.size,
    W: w.size,
    KH: h.kernel,
    KW: w.kernel,
    OH: h.out,
    OW: w.out,
    strideH: h.stride,
    strideW: w.stride,
    padTop: h.pad,
    padLeft: w.pad,
    dilationH: h.dilation,
    dilationW: w.dilation,
  };
}

const windows = fc
  .tuple(integer(0, 3), axis(integer(1, 4), 40), axis(integer(1, 4), 40))
  .map(([C, h, w]) => window(C, h, w))
  .filter((g) => g.C * g.KH * g.KW * g.OH * g.OW <= MOST);

/** Kernels of a pooling may be far larger than the image. */
const poolAxis = axis(fc.oneof(integer(1, 4), integer(5, 70_000), huge), 40)
  .map((a) => ({ ...a, dilation: 1 }))
  .filter((a) => a.kernel > a.pad && (a.out - 1) * a.stride - a.pad < a.size);

const poolWindows = fc
  .tuple(integer(0, 3), poolAxis, poolAxis)
  .map(([C, h, w]) => window(C, h, w))
  .filter((g) => g.C * g.OH * g.OW <= MOST);

const convolutions: fc.Arbitrary<Conv2dGeometry> = fc
  .record({
    N: fc.oneof(integer(1, 3), fc.constantFrom(0, 8)),
    groups: fc.constantFrom(1, 1, 2, 3),
    groupOC: integer(1, 5),
    window: windows,
    /** Some channels more, which other tiles and routes take. */
    times: fc.constantFrom(1, 1, 1, 5),
  })
  .map(({ N, groups, groupOC, window: w, times }) => ({
    N,
    OC: groups * groupOC * times,
    groups,
    window: { ...w, C: w.C * times },
  }))
  .filter(({ N, OC, window: w }) => {
    const outputs = N * OC * w.OH * w.OW;
    return outputs <= MOST && outputs * w.C * w.KH * w.KW <= MOST_PRODUCTS;
  });

/** Small whole numbers, whose sums are exact whatever the order. */
function whole(data: Data, n: number): Float32Array {
  return Float32Array.from({ length: n }, () => data.below(5) - 2);
}

const size = (shape: readonly number[]) => shape.reduce((count, dim) => count * dim, 1);

interface Made {
  readonly arrays: Arrays;
  readonly writes: readonly string[];
  readonly tolerance?: number;
  call(kernels: Float32Kernels, arrays: never, geometry: never): void;
}

/**
 * Calls of one kernel: most as they should be, in others one number of the geometry is changed to
 * something else, or one operand is shorter than it should be.
 */
function calls<G extends object>(
  kernel: KernelName,
  geometries: fc.Arbitrary<G>,
  make: (geometry: G, data: Data) => Made,
): fc.Arbitrary<ExtremeCall> {
  const change = fc.oneof(
    { weight: 7, arbitrary: fc.constant(null) },
    { weight: 3, arbitrary: fc.record({ number: fc.nat(), to: wrong }) },
    { weight: 1, arbitrary: fc.record({ operand: fc.nat(), by: integer(1, 3) }) },
  );
  return fc.tuple(geometries, fc.nat({ max: 2 ** 29 }), change).map(([geometry, seed, changed]) => {
    // Two seeds of three strew no special values.
    const made = make(geometry, new Data(seed * 3 + 1));
    let { arrays } = made;
    let told: object = geometry;
    if (changed && 'to' in changed) told = withNumber(geometry, changed.number, changed.to);
    else if (changed) {
      const all = Object.entries(arrays);
      const [name, array] = all[changed.operand % all.length] ?? [];
      if (name && array) {
        const left = Math.max(0, array.length - changed.by);
        arrays = { ...arrays, [name]: array.slice(0, left) };
      }
    }
    return {
      kernel,
      arrays,
      writes: made.writes,
      geometry: told,
      isTrue: told === geometry && arrays === made.arrays,
      tolerance: made.tolerance ?? 0,
      call: (kernels: Float32Kernels, placed: Arrays) =>
        made.call(kernels, placed as never, told as never),
      [fc.toStringMethod]: () => `${kernel} ${fc.stringify(told)}, seed ${seed}`,
    };
  });
}

/** A copy of nested numbers in which one is another. */
function withNumber(geometry: object, which: number, to: number): object {
  const count = { left: which % numbersIn(geometry) };
  const copy = (value: unknown): unknown => {
    if (typeof value === 'number') return count.left-- === 0 ? to : value;
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
  };
  return copy(geometry) as object;
}

function numbersIn(value: unknown): number {
  if (typeof value === 'number') return 1;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((count, inner) => count + numbersIn(inner), 0);
}

const columnsOf = (g: WindowGeometry) => g.C * g.KH * g.KW * g.OH * g.OW;
const imageOf = (g: WindowGeometry) => g.C * g.H * g.W;
const pooledOf = (g: WindowGeometry) => g.C * g.OH * g.OW;

const WINDOWED = [
  calls('unfold', windows, (g, data) => ({
    arrays: { out: data.junk(columnsOf(g)), x: whole(data, imageOf(g)) },
    writes: ['out'],
    call: (k, { out, x }: { out: Float32Array; x: Float32Array }, geometry) =>
      k.unfold(out, x, geometry),
  })),
  calls('fold', windows, (g, data) => ({
    arrays: { dX: whole(data, imageOf(g)), columns: whole(data, columnsOf(g)) },
    writes: ['dX'],
    call: (k, { dX, columns }: { dX: Float32Array; columns: Float32Array }, geometry) =>
      k.fold(dX, columns, geometry),
  })),
  calls('maxPool2d', poolWindows, (g, data) => ({
    arrays: {
      out: data.junk(pooledOf(g)),
      indices: data.junkIndices(pooledOf(g)),
      x: whole(data, imageOf(g)),
    },
    writes: ['out', 'indices'],
    call: (
      k,
      { out, indices, x }: { out: Float32Array; indices: Int32Array; x: Float32Array },
      geometry,
    ) => k.maxPool2d(out, indices, x, geometry),
  })),
  calls('maxPool2dBackward', poolWindows, (g, data) => {
    const indices = new Int32Array(pooledOf(g));
    const x = whole(data, imageOf(g));
    referenceKernels.maxPool2d(new Float32Array(pooledOf(g)), indices, x, g);
    // Positions outside the plane are left out.
    if (indices.length > 0 && data.below(6) === 0) {
      indices[data.below(indices.length)] =
        [-1, g.H * g.W, 2 ** 30, -(2 ** 31)][data.below(4)] ?? 0;
    }
    return {
      arrays: { dX: data.junk(imageOf(g)), dOut: whole(data, pooledOf(g)), indices },
      writes: ['dX'],
      call: (k, arrays: { dX: Float32Array; dOut: Float32Array; indices: Int32Array }, geometry) =>
        k.maxPool2dBackward(arrays.dX, arrays.dOut, arrays.indices, geometry),
    };
  }),
  calls('maxPool2dReluBackward', poolWindows, (g, data) => ({
    arrays: {
      dX: data.junk(imageOf(g)),
      dOut: whole(data, pooledOf(g)),
      // Positions outside the plane are left out.
      indices: data.indices(pooledOf(g), g.H * g.W + 1),
      pooled: whole(data, pooledOf(g)),
    },
    writes: ['dX'],
    call: (
      k,
      a: { dX: Float32Array; dOut: Float32Array; indices: Int32Array; pooled: Float32Array },
      geometry,
    ) => k.maxPool2dReluBackward(a.dX, a.dOut, a.indices, a.pooled, geometry),
  })),
];

function convOperands({ N, OC, groups, window: w }: Conv2dGeometry, data: Data) {
  return {
    x: whole(data, N * groups * w.C * w.H * w.W),
    weight: whole(data, OC * w.C * w.KH * w.KW),
    dOut: whole(data, N * OC * w.OH * w.OW),
    bias: whole(data, OC),
  };
}

/** Convolutions with a pooling behind, most of them of windows that hold a pixel. */
const joined: fc.Arbitrary<Conv2dJoinedGeometry> = fc
  .record({
    convolution: convolutions,
    kernel: integer(1, 4),
    stride: fc.oneof(integer(1, 3), huge),
    pad: integer(0, 1),
    activation: fc.constantFrom('none', 'relu', 'leakyRelu'),
    slope: fc.constantFrom(0, 0.25),
  })
  .map(({ convolution, kernel, stride, pad: wanted, activation, slope }) => {
    const { OH, OW } = convolution.window;
    const pad = Math.min(wanted, kernel >> 1);
    const axisOf = (size: number) => {
      const out = Math.max(0, Math.floor((size + 2 * pad - kernel) / stride) + 1);
      return { size, kernel, out, stride, pad, dilation: 1 };
    };
    return { ...convolution, activation, slope, pool: window(1, axisOf(OH), axisOf(OW)) };
  });

const CONVOLUTIONS = [
  calls('conv2dJoined', joined, (g, data) => {
    const { x, weight, bias } = convOperands(g, data);
    const windows = g.N * g.OC * (g.pool === null ? 0 : g.pool.OH * g.pool.OW);
    const isPlaced = data.below(2) === 0;
    return {
      arrays: {
        pooled: data.junk(windows),
        indices: data.junkIndices(windows),
        ...{ x, weight, bias },
      },
      writes: isPlaced ? ['pooled', 'indices'] : ['pooled'],
      call: (
        k,
        a: {
          pooled: Float32Array;
          indices: Int32Array;
          x: Float32Array;
          weight: Float32Array;
          bias: Float32Array;
        },
        geometry,
      ) =>
        k.conv2dJoined(
          null,
          a.pooled,
          isPlaced ? a.indices : null,
          a.x,
          a.weight,
          a.bias,
          geometry,
        ),
    };
  }),
  calls('conv2d', convolutions, (g, data) => {
    const { x, weight, dOut, bias } = convOperands(g, data);
    return {
      arrays: { out: data.junk(dOut.length), x, weight, bias },
      writes: ['out'],
      call: (
        k,
        a: { out: Float32Array; x: Float32Array; weight: Float32Array; bias: Float32Array },
        geometry,
      ) => k.conv2d(a.out, a.x, a.weight, a.bias, geometry),
    };
  }),
  calls('conv2dBackwardInput', convolutions, (g, data) => {
    const { x, weight, dOut } = convOperands(g, data);
    return {
      arrays: { dX: data.junk(x.length), dOut, weight },
      writes: ['dX'],
      call: (k, a: { dX: Float32Array; dOut: Float32Array; weight: Float32Array }, geometry) =>
        k.conv2dBackwardInput(a.dX, a.dOut, a.weight, geometry),
    };
  }),
  calls('conv2dBackwardInputRelu', convolutions, (g, data) => {
    const { x, weight, dOut } = convOperands(g, data);
    return {
      arrays: { dX: data.junk(x.length), dOut, weight, saved: x },
      writes: ['dX'],
      call: (
        k,
        a: { dX: Float32Array; dOut: Float32Array; weight: Float32Array; saved: Float32Array },
        geometry,
      ) => k.conv2dBackwardInputRelu(a.dX, a.dOut, a.weight, a.saved, geometry),
    };
  }),
  calls('conv2dBackwardWeight', convolutions, (g, data) => {
    const { x, weight, dOut, bias } = convOperands(g, data);
    return {
      arrays: { dWeight: data.junk(weight.length), dBias: data.junk(bias.length), x, dOut },
      writes: ['dWeight', 'dBias'],
      call: (
        k,
        a: { dWeight: Float32Array; dBias: Float32Array; x: Float32Array; dOut: Float32Array },
        geometry,
      ) => k.conv2dBackwardWeight(a.dWeight, a.dBias, a.x, a.dOut, geometry),
    };
  }),
];

/** Three axes, of which one may be huge where another is 0 (and little is there) or all are small. */
const threeAxes: fc.Arbitrary<readonly number[]> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(integer(0, 9), integer(0, 40), integer(0, 9)) },
  { weight: 1, arbitrary: fc.constantFrom([1, 1, 3000], [3000, 1, 1], [1, 3000, 1]) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), huge, huge)
      .map(([order, a, b]) => {
        const sizes = [0, 1 + Math.min(a, 2 ** 31 - 2), 1 + Math.min(b, 2 ** 31 - 2)];
        return order.map((at) => sizes[at] ?? 0);
      }),
  },
);

const reductions = threeAxes
  .map(([outer = 0, n = 0, inner = 0]) => ({ outer, n, inner }))
  .filter(({ outer, n, inner }) => outer * inner <= MOST && outer * n * inner <= MOST);

const indexed = fc
  .tuple(reductions, integer(0, 20))
  .map(([geometry, count]) => ({ ...geometry, count }))
  .filter(({ outer, n, inner, count }) => outer * count * inner <= MOST && (n > 0 || count === 0));

function positions(data: Data, count: number, n: number): Int32Array {
  const index = data.indices(count, n);
  if (count > 0 && data.below(6) === 0) {
    index[data.below(count)] = [-1, n, 2 ** 30, -(2 ** 31)][data.below(4)] ?? 0;
  }
  return index;
}

interface Resampling {
  readonly index: Int32Array;
  readonly shares: Float32Array;
}

const INDEXED = [
  calls('indexSelect', indexed, (g, data) => ({
    arrays: {
      out: data.junk(g.outer * g.count * g.inner),
      x: whole(data, g.outer * g.n * g.inner),
      index: positions(data, g.count, g.n),
    },
    writes: ['out'],
    call: (k, a: { out: Float32Array; x: Float32Array; index: Int32Array }, geometry) =>
      k.indexSelect(a.out, a.x, a.index, geometry),
  })),
  calls('indexAdd', indexed, (g, data) => ({
    arrays: {
      dX: whole(data, g.outer * g.n * g.inner),
      dOut: whole(data, g.outer * g.count * g.inner),
      index: positions(data, g.count, g.n),
    },
    writes: ['dX'],
    call: (k, a: { dX: Float32Array; dOut: Float32Array; index: Int32Array }, geometry) =>
      k.indexAdd(a.dX, a.dOut, a.index, geometry),
  })),
  calls('resample', indexed, (g, data) => ({
    arrays: {
      out: data.junk(g.outer * g.count * g.inner),
      x: whole(data, g.outer * g.n * g.inner),
      index: positions(data, 2 * g.count, g.n),
      shares: whole(data, 2 * g.count),
    },
    writes: ['out'],
    call: (k, a: { out: Float32Array; x: Float32Array } & Resampling, geometry) =>
      k.resample(a.out, a.x, a.index, a.shares, geometry),
  })),
  calls('resampleBackward', indexed, (g, data) => ({
    arrays: {
      dX: whole(data, g.outer * g.n * g.inner),
      dOut: whole(data, g.outer * g.count * g.inner),
      index: positions(data, 2 * g.count, g.n),
      shares: whole(data, 2 * g.count),
    },
    writes: ['dX'],
    call: (k, a: { dX: Float32Array; dOut: Float32Array } & Resampling, geometry) =>
      k.resampleBackward(a.dX, a.dOut, a.index, a.shares, geometry),
  })),
  calls(
    'selectBackward',
    reductions.filter(({ n }) => n > 0),
    (g, data) => ({
      arrays: {
        dX: data.junk(g.outer * g.n * g.inner),
        dOut: whole(data, g.outer * g.inner),
        indices: positions(data, g.outer * g.inner, g.n),
      },
      writes: ['dX'],
      call: (k, a: { dX: Float32Array; dOut: Float32Array; indices: Int32Array }, geometry) =>
        k.selectBackward(a.dX, a.dOut, a.indices, geometry),
    }),
  ),
  calls(
    'crossEntropyBackward',
    fc.record({ N: integer(0, 9), C: integer(1, 12), labelSmoothing: fc.constantFrom(0, 0.125) }),
    ({ N, C }, data) => ({
      arrays: {
        dX: data.junk(N * C),
        dOut: whole(data, N),
        logProbs: whole(data, N * C),
        labels: positions(data, N, C),
      },
      writes: ['dX'],
      tolerance: 1e-5,
      call: (
        k,
        a: { dX: Float32Array; dOut: Float32Array; logProbs: Float32Array; labels: Int32Array },
        geometry,
      ) => k.crossEntropyBackward(a.dX, a.dOut, a.logProbs, a.labels, geometry),
    }),
  ),
];

/** By a position for each element. */
const ALONG = [
  calls('gatherAlong', indexed, (g, data) => ({
    arrays: {
      out: data.junk(g.outer * g.count * g.inner),
      x: whole(data, g.outer * g.n * g.inner),
      index: positions(data, g.outer * g.count * g.inner, g.n),
    },
    writes: ['out'],
    call: (k, a: { out: Float32Array; x: Float32Array; index: Int32Array }, geometry) =>
      k.gatherAlong(a.out, a.x, a.index, geometry),
  })),
  ...(['scatterAlong', 'scatterAddAlong'] as const).map((name) =>
    calls(name, indexed, (g, data) => ({
      arrays: {
        out: whole(data, g.outer * g.n * g.inner),
        src: whole(data, g.outer * g.count * g.inner),
        index: positions(data, g.outer * g.count * g.inner, g.n),
      },
      writes: ['out'],
      call: (k, a: { out: Float32Array; src: Float32Array; index: Int32Array }, geometry) =>
        k[name](a.out, a.src, a.index, geometry),
    })),
  ),
];

const rows = threeAxes
  .map(([a = 0, n = 0]) => ({ rows: a, n }))
  .filter((g) => g.rows * g.n <= MOST);

const REDUCTIONS = [
  ...(['sum', 'prod'] as const).map((name) =>
    calls(name, reductions, (g, data) => ({
      arrays: { out: data.junk(g.outer * g.inner), x: whole(data, g.outer * g.n * g.inner) },
      writes: ['out'],
      tolerance: 1e-6,
      call: (k, a: { out: Float32Array; x: Float32Array }, geometry) =>
        k[name](a.out, a.x, geometry),
    })),
  ),
  ...(['max', 'min'] as const).map((name) =>
    calls(
      name,
      reductions.filter(({ n }) => n > 0),
      (g, data) => ({
        arrays: {
          out: data.junk(g.outer * g.inner),
          indices: data.junkIndices(g.outer * g.inner),
          x: whole(data, g.outer * g.n * g.inner),
        },
        writes: ['out', 'indices'],
        call: (k, a: { out: Float32Array; indices: Int32Array; x: Float32Array }, geometry) =>
          k[name](a.out, a.indices, a.x, geometry),
      }),
    ),
  ),
  ...(['softmax', 'logSoftmax'] as const).map((name) =>
    calls(name, rows, ({ rows: count, n }, data) => ({
      arrays: { out: data.junk(count * n), x: whole(data, count * n) },
      writes: ['out'],
      tolerance: 1e-5,
      call: (k, a: { out: Float32Array; x: Float32Array }, geometry) =>
        k[name](a.out, a.x, geometry),
    })),
  ),
];

const scans = reductions.map((g) => ({ ...g, reverse: g.n % 2 === 0 }));

const ORDERS = [
  ...(['cumsum', 'cumprod'] as const).map((name) =>
    calls(name, scans, (g, data) => ({
      arrays: {
        out: data.junk(g.outer * g.n * g.inner),
        x: whole(data, g.outer * g.n * g.inner),
      },
      writes: ['out'],
      call: (k, a: { out: Float32Array; x: Float32Array }, geometry) =>
        k[name](a.out, a.x, geometry),
    })),
  ),
  calls('recurrence', scans, (g, data) => ({
    arrays: {
      out: data.junk(g.outer * g.n * g.inner),
      factor: whole(data, g.outer * g.n * g.inner),
      x: whole(data, g.outer * g.n * g.inner),
    },
    writes: ['out'],
    call: (k, a: { out: Float32Array; factor: Float32Array; x: Float32Array }, geometry) =>
      k.recurrence(a.out, a.factor, a.x, geometry),
  })),
  calls(
    'sortRows',
    rows.map((g) => ({ ...g, descending: g.n % 2 === 0 })),
    (g, data) => ({
      arrays: {
        values: data.junk(g.rows * g.n),
        indices: data.junkIndices(g.rows * g.n),
        x: whole(data, g.rows * g.n),
      },
      writes: ['values', 'indices'],
      call: (k, a: { values: Float32Array; indices: Int32Array; x: Float32Array }, geometry) =>
        k.sortRows(a.values, a.indices, a.x, geometry),
    }),
  ),
];

const channels = threeAxes
  .map(([outer = 0, count = 0, inner = 0]) => ({ outer, channels: count, inner }))
  .filter((g) => 3 * g.channels <= MOST && g.outer * g.channels * g.inner <= MOST);

const normalisedRows = rows
  .filter((g) => 3 * g.rows <= MOST && g.n <= MOST && g.n > 0)
  .map((g) => ({ ...g, eps: 1 }));

const running = fc
  .record({ channels: integer(0, 1300), count: integer(2, 2 ** 31 - 1) })
  .map((g) => ({ ...g, momentum: 0.5 }));

type F = Float32Array;
type Sums = Record<'dWeight' | 'dBias' | 'factors' | 'dOut' | 'x' | 'statistics' | 'weight', F>;

const NORMALISATIONS = [
  calls(
    'moments',
    channels.map((g) => ({ ...g, eps: 1 })),
    (g, data) => ({
      arrays: {
        statistics: data.junk(3 * g.channels),
        x: whole(data, g.outer * g.channels * g.inner),
      },
      writes: ['statistics'],
      tolerance: 1e-5,
      call: (k, a: { statistics: F; x: F }, geometry) => k.moments(a.statistics, a.x, geometry),
    }),
  ),
  calls('trackMoments', running, (g, data) => ({
    arrays: {
      mean: whole(data, g.channels),
      variance: whole(data, g.channels),
      batches: new Int32Array(1),
      statistics: whole(data, 3 * g.channels),
    },
    writes: ['mean', 'variance', 'batches'],
    call: (k, a: { mean: F; variance: F; batches: Int32Array; statistics: F }, options) =>
      k.trackMoments(a.batches, a.mean, a.variance, a.statistics, options),
  })),
  calls('normalise', channels, (g, data) => ({
    arrays: {
      out: data.junk(g.outer * g.channels * g.inner),
      x: whole(data, g.outer * g.channels * g.inner),
      statistics: whole(data, 3 * g.channels),
      weight: whole(data, g.channels),
      bias: whole(data, g.channels),
    },
    writes: ['out'],
    call: (k, a: { out: F; x: F; statistics: F; weight: F; bias: F }, geometry) =>
      k.normalise(a.out, a.x, a.statistics, a.weight, a.bias, geometry),
  })),
  calls('normaliseSums', channels, (g, data) => ({
    arrays: {
      dWeight: data.junk(g.channels),
      dBias: data.junk(g.channels),
      factors: data.junk(3 * g.channels),
      dOut: whole(data, g.outer * g.channels * g.inner),
      x: whole(data, g.outer * g.channels * g.inner),
      statistics: whole(data, 3 * g.channels),
      weight: whole(data, g.channels),
    },
    writes: ['dWeight', 'dBias', 'factors'],
    tolerance: 1e-5,
    call: (k, a: Sums, geometry) =>
      k.normaliseSums(a.dWeight, a.dBias, a.factors, a.dOut, a.x, a.statistics, a.weight, geometry),
  })),
  calls('normaliseBackward', channels, (g, data) => ({
    arrays: {
      dX: data.junk(g.outer * g.channels * g.inner),
      dOut: whole(data, g.outer * g.channels * g.inner),
      x: whole(data, g.outer * g.channels * g.inner),
      statistics: whole(data, 3 * g.channels),
      factors: whole(data, 3 * g.channels),
    },
    writes: ['dX'],
    call: (k, a: { dX: F; dOut: F; x: F; statistics: F; factors: F }, geometry) =>
      k.normaliseBackward(a.dX, a.dOut, a.x, a.statistics, a.factors, geometry),
  })),
  calls('layerNorm', normalisedRows, (g, data) => ({
    arrays: {
      out: data.junk(g.rows * g.n),
      statistics: data.junk(3 * g.rows),
      x: whole(data, g.rows * g.n),
      weight: whole(data, g.n),
      bias: whole(data, g.n),
    },
    writes: ['out', 'statistics'],
    tolerance: 1e-4,
    call: (k, a: { out: F; statistics: F; x: F; weight: F; bias: F }, geometry) =>
      k.layerNorm(a.out, a.statistics, a.x, a.weight, a.bias, geometry),
  })),
  calls('layerNormBackward', normalisedRows, (g, data) => ({
    arrays: {
      dX: data.junk(g.rows * g.n),
      dOut: whole(data, g.rows * g.n),
      x: whole(data, g.rows * g.n),
      statistics: whole(data, 3 * g.rows),
      weight: whole(data, g.n),
    },
    writes: ['dX'],
    tolerance: 1e-4,
    call: (k, a: { dX: F; dOut: F; x: F; statistics: F; weight: F }, geometry) =>
      k.layerNormBackward(a.dX, a.dOut, a.x, a.statistics, a.weight, geometry),
  })),
  calls('layerNormSums', normalisedRows, (g, data) => ({
    arrays: {
      dWeight: data.junk(g.n),
      dBias: data.junk(g.n),
      dOut: whole(data, g.rows * g.n),
      x: whole(data, g.rows * g.n),
      statistics: whole(data, 3 * g.rows),
    },
    writes: ['dWeight', 'dBias'],
    call: (k, a: { dWeight: F; dBias: F; dOut: F; x: F; statistics: F }, geometry) =>
      k.layerNormSums(a.dWeight, a.dBias, a.dOut, a.x, a.statistics, geometry),
  })),
];

/** A strided walk inside arrays of some length: a part of a tensor, forwards or backwards. */
const strided = fc
  .record({
    shape: fc.array(integer(0, 6), { maxLength: 4 }),
    outSteps: fc.array(integer(1, 3), { minLength: 4, maxLength: 4 }),
    xSteps: fc.array(integer(-2, 2), { minLength: 4, maxLength: 4 }),
    lead: integer(0, 5),
    unused: huge,
  })
  .map(({ shape, outSteps, xSteps, lead, unused }) => {
    const along = (steps: readonly number[], isDense: boolean) => {
      let dense = 1;
      const strides: number[] = [];
      for (let i = shape.length - 1; i >= 0; i--) {
        const step = steps[i] ?? 1;
        // What is never taken may be anything.
        strides[i] = shape[i] === 1 ? unused : dense * step;
        dense *= Math.max(1, shape[i] ?? 1) * (isDense ? step : Math.max(1, Math.abs(step)));
      }
      return strides;
    };
    const reach = (strides: readonly number[], isLow: boolean) =>
      shape.reduce((sum, dim, i) => {
        const last = dim > 1 ? (dim - 1) * (strides[i] ?? 0) : 0;
        return sum + (last < 0 === isLow ? last : 0);
      }, 0);
    const outStrides = along(outSteps, true);
    const xStrides = along(xSteps, false);
    const xOffset = lead - reach(xStrides, true);
    const geometry: StridedGeometry = { shape, outStrides, outOffset: lead, xStrides, xOffset };
    return {
      geometry,
      outLength: lead + reach(outStrides, false) + 1,
      xLength: xOffset + reach(xStrides, false) + 1,
    };
  })
  .filter(({ outLength, xLength }) => outLength + xLength <= 4 * MOST);

const STRIDED = [
  strided.chain(({ geometry, outLength, xLength }) =>
    calls('copyStrided', fc.constant(geometry), (_, data) => ({
      arrays: { out: data.junk(outLength), x: whole(data, xLength) },
      writes: ['out'],
      call: (k, a: { out: Float32Array; x: Float32Array }, told) => k.copyStrided(a.out, a.x, told),
    })),
  ),
  ...(['add', 'mul', 'maximum'] as const).map((name) =>
    fc
      .record({
        shape: threeAxes.filter((shape) => size(shape) <= MOST),
        a: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
        b: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      })
      .chain((spec) => {
        const operand = (stretched: readonly boolean[]) => {
          const shape = spec.shape.map((dim, i) => (stretched[i] && dim > 1 ? 1 : dim));
          let stride = 1;
          const strides: number[] = [];
          for (let i = shape.length - 1; i >= 0; i--) {
            strides[i] = shape[i] === 1 ? 0 : stride;
            stride *= shape[i] ?? 1;
          }
          return { length: size(spec.shape) === 0 ? 0 : size(shape), strides };
        };
        const [a, b] = [operand(spec.a), operand(spec.b)];
        const geometry = { shape: spec.shape, aStrides: a.strides, bStrides: b.strides };
        return calls(name, fc.constant(geometry), (_, data) => ({
          arrays: {
            out: data.junk(size(spec.shape)),
            a: whole(data, a.length),
            b: whole(data, b.length),
          },
          writes: ['out'],
          call: (k, x: { out: Float32Array; a: Float32Array; b: Float32Array }, told) =>
            k[name](x.out, x.a, x.b, told),
        }));
      }),
  ),
];

const products = fc
  .record({
    M: integer(0, 14),
    N: integer(0, 14),
    K: fc.oneof(integer(0, 20), integer(60, 140)),
    batch: integer(0, 4),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    accumulate: fc.boolean(),
    shares: fc.constantFrom('none', 'a', 'b'),
    /** Where nothing is to be done, a size may be anything. */
    empty: fc.option(fc.record({ which: integer(0, 3), to: huge }), { freq: 3, nil: null }),
  })
  .map(({ shares, empty, ...g }) => {
    const sizes = [g.M, g.N, g.K, g.batch];
    if (empty) {
      sizes[empty.which] = Math.min(empty.to, 2 ** 31 - 1);
      sizes[(empty.which + 1) % 4] = 0;
      // An operand that is left must not be huge.
      sizes[(empty.which + 2) % 4] = 0;
    }
    const [M = 0, N = 0, K = 0, batch = 0] = sizes;
    return {
      ...g,
      M,
      N,
      K,
      batch,
      aBatchStride: shares === 'a' ? 0 : M * K,
      bBatchStride: shares === 'b' ? 0 : K * N,
    };
  })
  .filter(({ M, N, K, batch }) => {
    return [M * K, K * N, batch * M * K, batch * K * N, batch * M * N].every((n) => n <= MOST);
  });

const BATCHED = [
  calls('matmul', products, (g, data) => ({
    arrays: {
      out: whole(data, g.batch * g.M * g.N),
      a: whole(data, (g.aBatchStride === 0 ? 1 : g.batch) * g.M * g.K),
      b: whole(data, (g.bBatchStride === 0 ? 1 : g.batch) * g.K * g.N),
    },
    writes: ['out'],
    call: (k, x: { out: Float32Array; a: Float32Array; b: Float32Array }, geometry) =>
      k.matmul(x.out, x.a, x.b, geometry),
  })),
  calls(
    'matmulJoined',
    products.map((g) => ({ ...g, activation: 'leakyRelu' as const, slope: 0.25 })),
    (g, data) => ({
      arrays: {
        out: whole(data, g.batch * g.M * g.N),
        a: whole(data, (g.aBatchStride === 0 ? 1 : g.batch) * g.M * g.K),
        b: whole(data, (g.bBatchStride === 0 ? 1 : g.batch) * g.K * g.N),
        // Of a size that may be anything, where nothing is to be done.
        bias: whole(data, g.M * g.batch === 0 ? 0 : g.N),
      },
      writes: ['out'],
      call: (
        k,
        x: { out: Float32Array; a: Float32Array; b: Float32Array; bias: Float32Array },
        geometry,
      ) => k.matmulJoined(x.out, x.a, x.b, x.bias, geometry),
    }),
  ),
];

/** Calls of every windowed, indexed, strided and batched kernel, convolutions most of all. */
export const extremeCalls: fc.Arbitrary<ExtremeCall> = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(...CONVOLUTIONS) },
  { weight: 4, arbitrary: fc.oneof(...WINDOWED) },
  { weight: 2, arbitrary: fc.oneof(...INDEXED, ...ALONG) },
  { weight: 2, arbitrary: fc.oneof(...STRIDED) },
  { weight: 2, arbitrary: fc.oneof(...REDUCTIONS, ...ORDERS) },
  { weight: 2, arbitrary: fc.oneof(...NORMALISATIONS) },
  { weight: 1, arbitrary: fc.oneof(...BATCHED) },
);

/** Convolutions without operands, of any size: for what their kernels want to work in. */
export const anyConvolutions: fc.Arbitrary<Conv2dGeometry> = fc
  .record({
    N: integer(1, 40),
    groups: fc.constantFrom(1, 1, 2, 3),
    groupOC: fc.oneof(integer(1, 20), integer(1, 9000)),
    C: fc.oneof(integer(1, 20), integer(1, 9000)),
    h: fc.oneof(axis(integer(1, 5), 2 ** 14), plainAxis()),
    w: fc.oneof(axis(integer(1, 5), 2 ** 14), plainAxis()),
  })
  .map(({ N, groups, groupOC, C, h, w }) => ({
    N,
    OC: groups * groupOC,
    groups,
    window: window(C, h, w),
  }));

/** Windows of 3 as networks have them, over images of any size. */
function plainAxis(): fc.Arbitrary<Axis> {
  return integer(3, 5000).map((n) => ({
    size: n,
    kernel: 3,
    dilation: 1,
    pad: 1,
    stride: 1,
    out: n,
  }));
}
