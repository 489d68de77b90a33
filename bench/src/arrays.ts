import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NamedArray } from './named-array.js';
import { onnxModel } from './onnx.js';
import { NET_LAYERS, outputSize, sequenceMatrices, type NetName, type Task } from './tasks.js';

/** Where an array lies in the file of bytes. */
export interface ArrayEntry {
  readonly name: string;
  readonly dtype: 'float32' | 'int32' | 'uint8';
  readonly shape: readonly number[];
  /** Of the first byte. */
  readonly offset: number;
  /** In elements. */
  readonly length: number;
}

/** Bytes. */
const ALIGNMENT = 8;
/** Uniform in ± this has a standard deviation of 1. */
const UNIT = Math.sqrt(3);

/**
 * Uniform numbers in [0, 1): a counter in steps of 2³²/φ through a 32-bit mixing function, whose
 * constants are those of C. Wellons' search for low bias.
 */
export function uniformSource(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Uniform in ±bound. */
function uniform(
  random: () => number,
  name: string,
  shape: readonly number[],
  bound: number,
): NamedArray {
  const length = shape.reduce((size, extent) => size * extent, 1);
  return { name, shape, data: Float32Array.from({ length }, () => (2 * random() - 1) * bound) };
}

/** Initial weights by PyTorch's rule: uniform in ±1/√(inputs of one output). */
export function parametersOf(net: NetName, random: () => number): NamedArray[] {
  return Object.entries(NET_LAYERS[net]).flatMap(
    ([name, { conv, hasBias = true, linear = [] }]) => {
      const shape = conv
        ? [conv.outChannels, conv.inChannels, conv.kernel, conv.kernel]
        : [...linear];
      const [outputs = 0, ...inputs] = shape;
      const bound = 1 / Math.sqrt(inputs.reduce((size, extent) => size * extent, 1));
      const weight = uniform(random, `${name}.weight`, shape, bound);
      return hasBias ? [weight, uniform(random, `${name}.bias`, [outputs], bound)] : [weight];
    },
  );
}

/** Seeded arrays for a task, in PyTorch's names and layouts. */
function arraysOf(task: Task): NamedArray[] {
  const random = uniformSource(1);
  const make = (name: string, shape: readonly number[], bound: number): NamedArray =>
    uniform(random, name, shape, bound);
  if (task.kind === 'matmul') {
    const { size, inner } = task;
    return [make('a', [size, inner], 1), make('b', [inner, size], 1)];
  }
  if (task.kind === 'conv') {
    const { batch, layer } = task;
    const { inChannels, outChannels, size, kernel, groups } = layer;
    const out = outputSize(layer);
    const bound = 1 / Math.sqrt((inChannels / groups) * kernel ** 2);
    return [
      make('x', [batch, inChannels, size, size], UNIT),
      make('weight', [outChannels, inChannels / groups, kernel, kernel], bound),
      make('bias', [outChannels], bound),
      make('dOut', [batch, outChannels, out, out], UNIT),
    ];
  }
  if (task.kind === 'layer-norm') {
    const { rows, n } = task;
    return [
      make('x', [rows, n], UNIT),
      make('weight', [n], 1),
      make('bias', [n], 1),
      make('dOut', [rows, n], UNIT),
    ];
  }
  if (task.kind === 'sequence') {
    const { net, batch, length, width } = task;
    const shape = net === 'gru' ? [length, batch, width] : [batch, length, width];
    return [
      make('x', shape, UNIT),
      make('target', shape, UNIT),
      ...sequenceMatrices(task).flatMap(({ weight, bias, shape: [outputs, inputs] }) => {
        const bound = 1 / Math.sqrt(inputs);
        return [make(weight, [outputs, inputs], bound), make(bias, [outputs], bound)];
      }),
    ];
  }
  const labels = Int32Array.from({ length: task.batch }, () => Math.floor(10 * random()));
  return [
    make('x', [task.batch, 1, 28, 28], UNIT),
    { name: 'labels', shape: [task.batch], data: labels },
    ...parametersOf(task.net, random),
  ];
}

function dtypeOf(data: NamedArray['data']): ArrayEntry['dtype'] {
  if (data instanceof Uint8Array) return 'uint8';
  return data instanceof Int32Array ? 'int32' : 'float32';
}

/** A folder of arrays for all workers to read, gone when it is disposed of. */
export class ArrayFiles {
  readonly #folder = mkdtempSync(join(tmpdir(), 'unfold-bench-'));

  /**
   * Forward passes have a third file with the network in it, `.onnx`.
   * @returns The path of the task's files, without `.json` and `.bin`.
   */
  write(task: Task): string {
    const arrays = arraysOf(task);
    const file = this.writeArrays(task.name, arrays);
    const model = task.kind === 'forward' ? onnxModel(task.net, arrays) : undefined;
    if (model) writeFileSync(`${file}.onnx`, model);
    return file;
  }

  /** @returns The path of the two files, without `.json` and `.bin`. */
  writeArrays(name: string, arrays: readonly NamedArray[]): string {
    const file = join(this.#folder, name);
    let offset = 0;
    const entries = arrays.map(({ name, shape, data }): ArrayEntry => {
      const entry = { name, dtype: dtypeOf(data), shape, offset, length: data.length };
      // The next array begins where any type may begin.
      offset += Math.ceil(data.byteLength / ALIGNMENT) * ALIGNMENT;
      return entry;
    });
    const bytes = new Uint8Array(offset);
    arrays.forEach(({ data }, i) => {
      const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      bytes.set(view, entries[i]?.offset);
    });
    writeFileSync(`${file}.bin`, bytes);
    writeFileSync(`${file}.json`, JSON.stringify(entries));
    return file;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
