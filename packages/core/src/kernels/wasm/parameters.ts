import { ShapeError } from '../../errors.js';
import { adamFactors } from '../adam-factors.js';
import type { DeviceBuffer } from '../buffer.js';
import { maskThresholds } from '../mask-thresholds.js';
import type { Kernels, KernelName, WindowGeometry } from '../contract.js';
import { type Constants, KERNELS, PARAMETERS } from '../table/kernels.js';
import { behindLength, FIRST_PARAMETER, placesOf } from '../table/layout.js';
import type { Operands } from '../table/types.js';
import type { Words } from './frame.js';

type Types = {
  readonly f32: DeviceBuffer;
  readonly f64: DeviceBuffer<'float64'>;
  readonly i32: DeviceBuffer<'int32'>;
  readonly u8: DeviceBuffer<'uint8'>;
};
type Rows = typeof KERNELS;

/** Writes a kernel's parameters into the frame's block; `n` is the first operand's length. */
export type Write = (frame: Words, options: never, n: number) => void;

/** The kernels whose parameters are of a group. */
type KernelsOf<G> = {
  [K in KernelName]: Rows[K]['parameters'] extends G ? K : never;
}[KernelName];

/** The options that the contract hands to a kernel behind its operands. */
type OptionsOf<K extends KernelName> =
  Parameters<Kernels[K]> extends [...Operands<Types, Rows[K]['operands']>, infer Options]
    ? Options
    : never;

/** The kernels that are cut as their rows say, and not in a way of their own. */
export type TableCut = Exclude<KernelName, KernelsOf<'matmul' | 'conv2d'>>;

/** Whether a kernel is cut as its row says. */
export function isCutByTable(name: KernelName): name is TableCut {
  return KERNELS[name].cut !== 'own';
}

/** The groups whose kernels are not cut in a way of their own. */
type Group = Exclude<keyof typeof PARAMETERS, 'matmul' | 'conv2d'>;

/** With four operands, a walk of this rank fits a frame's block. */
const MAX_RANK = 64;

const index = placesOf(PARAMETERS.index);
const reduce = placesOf(PARAMETERS.reduce);
const scan = placesOf(PARAMETERS.scan);
const order = placesOf(PARAMETERS.order);
const squares = placesOf(PARAMETERS.squares);
const rows = placesOf(PARAMETERS.rows);
const channels = placesOf(PARAMETERS.channels);
const moments = placesOf(PARAMETERS.moments);
const running = placesOf(PARAMETERS.running);
const layerNorm = placesOf(PARAMETERS.layerNorm);
const window = placesOf(PARAMETERS.window);
const crossEntropy = placesOf(PARAMETERS.crossEntropy);
const mask = placesOf(PARAMETERS.mask);
const sgd = placesOf(PARAMETERS.sgd);
const adam = placesOf(PARAMETERS.adam);
const walk = placesOf(PARAMETERS.broadcast);

/**
 * How the contract's options become parameters, for each group of the table. Written out, because a
 * property that is read by a name in a variable costs ten times as much.
 */
const WRITERS: {
  readonly [G in Group]: (frame: Words, options: OptionsOf<KernelsOf<G>>, n: number) => void;
} = {
  broadcast(frame, { shape, aStrides, bStrides }) {
    writeWalk(frame.block, shape, aStrides, bStrides);
  },

  where(frame, { shape, conditionStrides, aStrides, bStrides }) {
    writeWalk(frame.block, shape, conditionStrides, aStrides);
    writeIntegers(frame.block, walk.end + 3 * shape.length, bStrides);
  },

  strided({ block }, { shape, outStrides, outOffset, xStrides, xOffset }) {
    writeWalk(block, shape, outStrides, xStrides);
    block[0] = block[0] + outOffset * 4;
    block[1] = block[1] + xOffset * 4;
  },

  index({ block }, { outer, n, inner, count }) {
    block[index.outer] = outer;
    block[index.n] = n;
    block[index.inner] = inner;
    block[index.count] = count;
  },

  reduce({ block }, { outer, n, inner }) {
    block[reduce.outer] = outer;
    block[reduce.n] = n;
    block[reduce.inner] = inner;
  },

  scan({ block }, { outer, n, inner, reverse }) {
    block[scan.outer] = outer;
    block[scan.n] = n;
    block[scan.inner] = inner;
    block[scan.reverse] = reverse ? 1 : 0;
  },

  order({ block }, { rows, n, descending }) {
    block[order.rows] = rows;
    block[order.n] = n;
    block[order.descending] = descending ? 1 : 0;
  },

  squares({ block }, { n }) {
    block[squares.n] = n;
  },

  rows({ block }, geometry) {
    block[rows.rows] = geometry.rows;
    block[rows.n] = geometry.n;
  },

  channels({ block }, geometry) {
    block[channels.outer] = geometry.outer;
    block[channels.channels] = geometry.channels;
    block[channels.inner] = geometry.inner;
  },

  moments({ block, floats }, geometry) {
    block[moments.outer] = geometry.outer;
    block[moments.channels] = geometry.channels;
    block[moments.inner] = geometry.inner;
    floats[moments.eps] = geometry.eps;
  },

  running({ block }, { channels, count, momentum }) {
    block[running.channels] = channels;
    block[running.count] = count;
    block[running.averages] = momentum === null ? 1 : 0;
    writeDouble(block, running.share, momentum ?? 0);
  },

  layerNorm({ block, floats }, { rows, n, eps }) {
    block[layerNorm.rows] = rows;
    block[layerNorm.n] = n;
    floats[layerNorm.eps] = eps;
  },

  window({ block }, geometry) {
    writeWindow(block, geometry, window);
  },

  crossEntropy({ block, floats }, { N, C, labelSmoothing }) {
    block[crossEntropy.N] = N;
    block[crossEntropy.C] = C;
    floats[crossEntropy.atLabel] = 1 - labelSmoothing;
    floats[crossEntropy.everywhere] = labelSmoothing / C;
  },

  mask({ block }, { p }, n) {
    const { below, threshold } = maskThresholds(p);
    block[mask.n] = n;
    block[mask.below] = below;
    writeDouble(block, mask.threshold, threshold);
  },

  sgd({ block, floats }, options, n) {
    block[sgd.n] = n;
    floats[sgd.lr] = options.lr;
    floats[sgd.weightDecay] = options.weightDecay;
    floats[sgd.momentum] = options.momentum;
    floats[sgd.undamped] = 1 - options.dampening;
    block[sgd.nesterov] = options.nesterov ? 1 : 0;
    block[sgd.firstStep] = options.firstStep ? 1 : 0;
  },

  adam({ block, floats }, options, n) {
    const { stepSize, rootScale, decay, shrinkage } = adamFactors(options);
    block[adam.n] = n;
    floats[adam.stepSize] = stepSize;
    floats[adam.rootScale] = rootScale;
    floats[adam.beta1] = options.beta1;
    floats[adam.fresh1] = 1 - options.beta1;
    floats[adam.beta2] = options.beta2;
    floats[adam.fresh2] = 1 - options.beta2;
    floats[adam.eps] = options.eps;
    floats[adam.decay] = decay;
    floats[adam.shrinkage] = shrinkage;
    block[adam.amsgrad] = options.amsgrad ? 1 : 0;
  },
};

/** Finds the function that writes a kernel's parameters. */
export function writerOf(row: Rows[TableCut]): Write {
  if (isGroup(row.parameters)) return WRITERS[row.parameters];
  return writerOfConstants(row.parameters);
}

/** n, and a kernel's own constants, which its options hold by name. */
function writerOfConstants(constants: Constants): Write {
  const places = placesOf(behindLength(constants));
  const wordsOf = (type: 'i32' | 'f32') =>
    Object.keys(constants)
      .filter((name) => constants[name] === type)
      .map((name) => ({ name, word: places[name] }));
  const [integers, singles] = [wordsOf('i32'), wordsOf('f32')];
  if (integers.length + singles.length === 0) {
    return ({ block }, _options, n) => {
      block[FIRST_PARAMETER] = n;
    };
  }
  return ({ block, floats }, options: Readonly<Record<string, number>>, n) => {
    block[FIRST_PARAMETER] = n;
    for (const { name, word } of integers) block[word] = options[name];
    for (const { name, word } of singles) floats[word] = options[name];
  };
}

function isGroup(parameters: Rows[TableCut]['parameters']): parameters is Group {
  return typeof parameters === 'string';
}

/** The words of a window, wherever a group of parameters has them. */
export function writeWindow(
  block: Int32Array,
  geometry: WindowGeometry,
  at: { readonly [K in keyof WindowGeometry]: number },
): void {
  block[at.C] = geometry.C;
  block[at.H] = geometry.H;
  block[at.W] = geometry.W;
  block[at.KH] = geometry.KH;
  block[at.KW] = geometry.KW;
  block[at.OH] = geometry.OH;
  block[at.OW] = geometry.OW;
  block[at.strideH] = geometry.strideH;
  block[at.strideW] = geometry.strideW;
  block[at.padTop] = geometry.padTop;
  block[at.padLeft] = geometry.padLeft;
  block[at.dilationH] = geometry.dilationH;
  block[at.dilationW] = geometry.dilationW;
}

/**
 * Writes a walk over `shape`, as assembly/walk.ts reads it. Strides are in elements, one list for
 * each operand.
 * @throws ShapeError for more than 64 axes.
 */
function writeWalk(
  block: Int32Array,
  shape: readonly number[],
  first: readonly number[],
  second: readonly number[],
): void {
  const rank = shape.length;
  if (rank > MAX_RANK) {
    throw new ShapeError(
      `strided kernel: expected at most ${MAX_RANK} axes that cannot be merged, got ${rank}; ` +
        'copy the tensor into a simpler layout first',
    );
  }
  block[walk.rank] = rank;
  writeIntegers(block, walk.end, shape);
  writeIntegers(block, walk.end + rank, first);
  writeIntegers(block, walk.end + 2 * rank, second);
}

const double = new Float64Array(1);
const wordsOfDouble = new Int32Array(double.buffer);

/** Writes an f64, which may begin at any word. */
function writeDouble(block: Int32Array, word: number, value: number): void {
  double[0] = value;
  block[word] = wordsOfDouble[0];
  block[word + 1] = wordsOfDouble[1];
}

function writeIntegers(block: Int32Array, start: number, values: readonly number[]): void {
  for (let i = 0; i < values.length; i++) block[start + i] = values[i];
}
