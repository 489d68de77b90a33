import { ShapeError } from '../../errors.js';
import type { DeviceBuffer } from '../buffer.js';
import type { Kernels, KernelName, WindowGeometry } from '../contract.js';
import { type Constants, type KERNELS, PARAMETERS, type Row } from '../table/kernels.js';
import { behindLength, FIRST_PARAMETER, placesOf } from '../table/layout.js';
import type { MORE_KERNELS } from '../table/more-kernels.js';
import type { Operands } from '../table/types.js';
import type { Words } from './frame.js';

type Types = {
  readonly f32: DeviceBuffer;
  readonly f64: DeviceBuffer<'float64'>;
  readonly i32: DeviceBuffer<'int32'>;
  readonly u8: DeviceBuffer<'uint8'>;
};

type Rows = typeof KERNELS & typeof MORE_KERNELS;

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

/** The groups of a table whose kernels are not cut in a way of their own. */
type GroupOf<Table extends Readonly<Record<string, Row>>> = Exclude<
  Extract<Table[keyof Table]['parameters'], string>,
  'matmul' | 'conv2d'
>;

/** How the contract's options become parameters, for each group of a table. */
export type Writers<Table extends Readonly<Record<string, Row>>> = {
  readonly [G in GroupOf<Table>]: (
    frame: Words,
    options: OptionsOf<KernelsOf<G>>,
    n: number,
  ) => void;
};

/** With four operands, a walk of this rank fits a frame's block. */
const MAX_RANK = 64;

const reduce = placesOf(PARAMETERS.reduce);
const window = placesOf(PARAMETERS.window);
const walk = placesOf(PARAMETERS.broadcast);

/**
 * The writers for the groups of the first table. Written out, because a property that is read by a name
 * in a variable costs ten times as much.
 */
export const WRITERS: Writers<typeof KERNELS> = {
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

  reduce({ block }, { outer, n, inner }) {
    block[reduce.outer] = outer;
    block[reduce.n] = n;
    block[reduce.inner] = inner;
  },

  window({ block }, geometry) {
    writeWindow(block, geometry, window);
  },
};

/** Finds the function that writes the parameters of a kernel that is cut as its row says. */
export function writerOf(row: Row, writers: Readonly<Record<string, Write>>): Write {
  const { parameters } = row;
  return typeof parameters === 'string' ? writers[parameters] : writerOfConstants(parameters);
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
export function writeDouble(block: Int32Array, word: number, value: number): void {
  double[0] = value;
  block[word] = wordsOfDouble[0];
  block[word + 1] = wordsOfDouble[1];
}

function writeIntegers(block: Int32Array, start: number, values: readonly number[]): void {
  for (let i = 0; i < values.length; i++) block[start + i] = values[i];
}
