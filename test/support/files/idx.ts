import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** The element types of the IDX format, and how each writes one value. */
const IDX_TYPES = {
  uint8: {
    code: 0x08,
    bytes: 1,
    write: (view: DataView, at: number, v: number) => view.setUint8(at, v),
  },
  int32: {
    code: 0x0c,
    bytes: 4,
    write: (view: DataView, at: number, v: number) => view.setInt32(at, v),
  },
  float32: {
    code: 0x0d,
    bytes: 4,
    write: (view: DataView, at: number, v: number) => view.setFloat32(at, v),
  },
  float64: {
    code: 0x0e,
    bytes: 8,
    write: (view: DataView, at: number, v: number) => view.setFloat64(at, v),
  },
} as const;

export type IdxType = keyof typeof IDX_TYPES;

/** The bytes of an IDX file, written field by field as the format's description says. */
export function encodeIdx(
  dims: readonly number[],
  values: ArrayLike<number>,
  type: IdxType = 'uint8',
): Uint8Array {
  const { code, bytes, write } = IDX_TYPES[type];
  const header = 4 + 4 * dims.length;
  const out = new Uint8Array(header + values.length * bytes);
  const view = new DataView(out.buffer);
  view.setUint8(2, code);
  view.setUint8(3, dims.length);
  dims.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  for (let i = 0; i < values.length; i++) write(view, header + i * bytes, values[i] as number);
  return out;
}

/** `count` digits of 28×28 whose pixels differ from image to image, and their labels 0, 1, … 9, 0, … */
export function smallDigits(count: number): { images: Uint8Array; labels: Uint8Array } {
  return {
    images: Uint8Array.from(
      { length: count * 784 },
      (_, i) => (i * 7 + Math.floor(i / 784) * 31) % 256,
    ),
    labels: Uint8Array.from({ length: count }, (_, i) => i % 10),
  };
}

export interface MnistFolderOptions {
  readonly train?: number;
  readonly test?: number;
  readonly gzip?: boolean;
  readonly dotted?: boolean;
  /** Files to write instead of the generated ones, by the undotted name without .gz. */
  readonly replace?: Readonly<Record<string, Uint8Array>>;
}

/** The four MNIST files, by name. */
export function mnistFiles({ train = 12, test = 7 }: MnistFolderOptions = {}): Record<
  string,
  Uint8Array
> {
  const part = (prefix: string, count: number): Record<string, Uint8Array> => {
    const { images, labels } = smallDigits(count);
    return {
      [`${prefix}-images-idx3-ubyte`]: encodeIdx([count, 28, 28], images),
      [`${prefix}-labels-idx1-ubyte`]: encodeIdx([count], labels),
    };
  };
  return { ...part('train', train), ...part('t10k', test) };
}

/** Writes the four MNIST files, small, into `folder`. */
export async function writeMnistFolder(
  folder: string,
  options: MnistFolderOptions = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, generated] of Object.entries(mnistFiles(options))) {
    const bytes = options.replace?.[name] ?? generated;
    const spelling = options.dotted ? name.replace('-idx', '.idx') : name;
    await writeFile(
      join(folder, options.gzip ? `${spelling}.gz` : spelling),
      options.gzip ? gzipSync(bytes) : bytes,
    );
  }
}
