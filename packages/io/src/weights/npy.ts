import {
  elementsOf,
  sizeOf,
  tensor,
  type DType,
  type NumericArray,
  type Shape,
  type Tensor,
} from '@unfold/core';
import { requireTensor } from '@unfold/core/internal';
import { NPZ_LIMITS, raise, type WeightsLimits } from '../limits.js';
import { checkShape, copyOf, type Encoding, ENCODINGS } from './encodings.js';
import { type Fail, quote } from '../messages.js';
import { decodeArguments, type DecodeOptions } from './safetensors.js';

/*
 * NumPy's .npy: six magic bytes, two of version, the header's length, the header (a Python
 * dictionary of dtype, order and shape), then the numbers.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
/** Magic, version and the longer of the two forms of the header's length. */
export const NPY_START = 12;
/** NumPy aligns the numbers to this. */
const ALIGNMENT = 64;

const DESCRIPTIONS: Readonly<Record<DType, string>> = {
  float32: '<f4',
  float64: '<f8',
  int32: '<i4',
  uint8: '|u1',
  bool: '|b1',
};

const BY_DESCRIPTION: ReadonlyMap<string, Encoding> = new Map<string, Encoding>([
  ['<f4', ENCODINGS.float32],
  ['<f8', ENCODINGS.float64],
  ['<f2', ENCODINGS.float16],
  ['<i4', ENCODINGS.int32],
  ['<i8', ENCODINGS.int64],
  ['|u1', ENCODINGS.uint8],
  ['|b1', ENCODINGS.bool],
]);

const TRUNCATED = 'it ends within the header; it is truncated: save it again';

/** The header of an array, checked. */
export interface NpyHeader {
  readonly encoding: Encoding;
  /** The name of the encoding in the header. */
  readonly storedAs: string;
  readonly shape: Shape;
  /** Whether the first index is the fastest. */
  readonly isFortran: boolean;
}

/** The bytes of a .npy file (version 1.0) that holds `tensor`. */
export function encodeNpy(tensor: Tensor): Uint8Array<ArrayBuffer> {
  requireTensor('encodeNpy', 'tensor', tensor);
  const { dtype, shape } = tensor;
  const data = elementsOf(tensor);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const fixed = MAGIC.length + 4;
  const dataStart = Math.ceil((fixed + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(dataStart + data.byteLength);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = 1;
  new DataView(bytes.buffer).setUint16(MAGIC.length + 2, dataStart - fixed, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(dataStart - fixed - 1)}\n`), fixed);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), dataStart);
  return bytes;
}

/**
 * Reads the bytes of a .npy file of plain numbers. float16 becomes float32, int64 becomes int32,
 * Fortran's order becomes row-major. The tensor belongs to the scope that is open.
 * @throws FileFormatError that says what is wrong, and the mend; ConfigError for an unknown option or
 * limit.
 */
export function decodeNpy(bytes: Uint8Array, options: DecodeOptions = {}): Tensor {
  const defaults = { name: 'npy', limits: NPZ_LIMITS };
  const { limits, fail } = decodeArguments('decodeNpy', bytes, options, defaults);
  if (bytes.length > limits.maxBytes) {
    throw fail(
      `it has ${bytes.length} bytes, expected at most ${limits.maxBytes}; ` +
        raise('maxBytes', bytes.length),
    );
  }
  const dataStart = npyDataStart(bytes, limits, fail);
  const header = parseNpyHeader(bytes.subarray(0, dataStart), {
    name: 'array',
    available: bytes.length - dataStart,
    fail,
  });
  const values = decodeNpyData(header, bytes.subarray(dataStart), fail);
  return tensor(values, header.shape, { dtype: header.encoding.dtype });
}

/**
 * Where the header ends and the numbers begin.
 * @param start The first `NPY_START` bytes, or all if there are fewer, or more.
 */
export function npyDataStart(
  start: Uint8Array,
  { maxHeaderBytes }: WeightsLimits,
  fail: Fail,
): number {
  if (!MAGIC.every((byte, i) => start[i] === byte)) {
    throw fail('it does not begin as a .npy array does; save it by numpy.save or numpy.savez');
  }
  const version = start[MAGIC.length] ?? 0;
  if (start.length < NPY_START || version < 1 || version > 3) {
    throw fail(
      start.length < NPY_START
        ? TRUNCATED
        : `it is .npy of version ${version}, Unfold reads 1 to 3; save it by NumPy`,
    );
  }
  const view = new DataView(start.buffer, start.byteOffset);
  const offset = MAGIC.length + 2;
  const length = version === 1 ? view.getUint16(offset, true) : view.getUint32(offset, true);
  if (length > maxHeaderBytes) {
    throw fail(
      `its header claims ${length} bytes, expected at most ${maxHeaderBytes}; it is damaged: save it ` +
        `again, or, ${raise('maxHeaderBytes', length)}`,
    );
  }
  return offset + (version === 1 ? 2 : 4) + length;
}

/**
 * Parses everything before the numbers.
 * @param bytes As many as `npyDataStart` says, or fewer if the file is truncated.
 * @param options.available How many bytes follow; negative if some of the header is missing.
 */
export function parseNpyHeader(
  bytes: Uint8Array,
  { name, available, fail }: { name: string; available: number; fail: Fail },
): NpyHeader {
  if (available < 0) throw fail(TRUNCATED);
  const textStart = MAGIC.length + 2 + (bytes[MAGIC.length] === 1 ? 2 : 4);
  // Names of dtypes are ASCII; whatever else stands here is refused below.
  const text = new TextDecoder('latin1').decode(copyOf(bytes, textStart));
  const fields = parseDictionary(text);
  const storedAs = fields.get('descr');
  const order = fields.get('fortran_order');
  const tuple = fields.get('shape');
  if (storedAs === undefined || order === undefined || tuple === undefined) {
    throw fail(
      `tensor ${quote(name)} has the header ${quote(text.trim())}; expected descr, fortran_order ` +
        'and shape of an array of plain numbers; records and objects are not read',
    );
  }
  const encoding = BY_DESCRIPTION.get(storedAs);
  if (!encoding) {
    throw fail(
      `tensor ${quote(name)} has dtype ${quote(storedAs)}; Unfold reads ` +
        `${[...BY_DESCRIPTION.keys()].join(', ')}: convert it by array.astype('<f4')`,
    );
  }
  const dims = tuple.split(',').filter((dim) => dim.trim() !== '');
  // Python 2 wrote long integers with an L; what follows the numbers, NumPy leaves alone.
  const shape = checkShape(
    name,
    dims.map((dim) => Number(dim.replace(/(\d)L\s*$/, '$1'))),
    { bytes: encoding.bytes, available, mayFollow: true, fail },
  );
  return { encoding, storedAs, shape, isFortran: order === 'True' };
}

/** One field of the header's dictionary, and what ends it. Texts have quotes of either kind. */
const FIELD =
  /\s*(['"])(descr|fortran_order|shape)\1\s*:\s*(?:(['"])([^'"]*)\3|(True|False)|\(([\d\s,L]*)\))\s*(?:,|(?=\}))/y;

/** The fields of a Python dictionary of a text, a truth value and a tuple; empty if it is none. */
function parseDictionary(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  if (!text.startsWith('{')) return fields;
  FIELD.lastIndex = 1;
  for (;;) {
    const end = FIELD.lastIndex;
    const [, , key, , quoted, truth, tuple] = FIELD.exec(text) ?? [];
    if (key === undefined) return text.slice(end).trim() === '}' ? fields : new Map();
    const value = key === 'descr' ? quoted : key === 'shape' ? tuple : truth;
    if (value === undefined || fields.has(key)) return new Map();
    fields.set(key, value);
  }
}

/**
 * The numbers of an array, row-major.
 * @param bytes Those after the header, and perhaps others behind them. They are copied.
 */
export function decodeNpyData(
  { encoding, shape, isFortran }: NpyHeader,
  bytes: Uint8Array,
  fail: Fail,
): NumericArray {
  const values = encoding.decode(copyOf(bytes, 0, sizeOf(shape) * encoding.bytes), fail);
  return isFortran && shape.length > 1 ? toRowMajor(values, shape) : values;
}

function toRowMajor(values: NumericArray, shape: Shape): NumericArray {
  const out = values.slice();
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = values[from] as number;
    // Counts the row-major index up; `from` follows with the first axis as the fastest.
    let stride = sizeOf(shape);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const dim = shape[axis] as number;
      stride /= dim;
      const next = (index[axis] as number) + 1;
      from += stride;
      if (next < dim) {
        index[axis] = next;
        break;
      }
      from -= dim * stride;
      index[axis] = 0;
    }
  }
  return out;
}
