import { existsSync, readFileSync } from 'node:fs';
import { PbfReader } from 'pbf';
import { describe, expect, it, vi } from 'vitest';
import { ArrayFiles, parametersOf, uniformSource } from '../../bench/src/arrays.js';
import { startAll } from '../../bench/src/lineup.js';
import { onnxModel } from '../../bench/src/onnx.js';
import { parseOptions } from '../../bench/src/options.js';
import { allSystems, THIS_NODE } from '../../bench/src/systems.js';
import { describeTask } from '../../bench/src/table.js';
import { flopsOf, gruTask, netTask, TASKS, transformerTask } from '../../bench/src/tasks.js';

const systemsNamed = (...names: string[]) =>
  allSystems(THIS_NODE, [1, 2], false).filter(({ name }) => names.includes(name));

describe('tasks and systems', () => {
  it('a whole name of a task means that one, a beginning all that begin so', () => {
    const only = (text: string) => parseOptions(['--only', text]).only.map(({ name }) => name);
    expect(only('lenet-step')).toEqual(['lenet-step']);
    expect(only('lenet-step-')).toEqual(['lenet-step-1', 'lenet-step-8', 'lenet-step-256']);
    expect(only('cnn-forward,resnet')).toEqual(['resnet-step', 'cnn-forward-1', 'cnn-forward-64']);
    expect(new Set(TASKS.map(({ name }) => name)).size).toBe(TASKS.length);
  });

  it('the new peers can be asked for, each with every number of threads', () => {
    const names = ['pytorch-channels-last', 'onnxruntime', 'onnxruntime-web'] as const;
    expect(parseOptions(['--systems', names.join()]).systems).toEqual(names);
    for (const name of names) {
      expect(systemsNamed(name).map(({ threads }) => threads)).toEqual([1, 2]);
    }
  });

  it('of the residual network each product is counted', () => {
    // Multiplications of one image: 28·28·16·9, 2·28·28·16·16·9, 14·14·32·(16 + 32)·9, 14·14·32·16, 320.
    const forward = 2 * (112_896 + 3_612_672 + 2_709_504 + 100_352 + 320);
    expect(flopsOf(netTask('forward', 'resnet', 1))).toBe(forward);
    expect(flopsOf(netTask('step', 'resnet', 64))).toBe(64 * (3 * forward - 2 * 112_896));
  });

  it('of nets for sequences each product is counted, but no gradient of the sequences', () => {
    const sizes = { batch: 3, length: 5, width: 7 };
    // Of each vector: input and state by three gates.
    expect(flopsOf(gruTask(sizes))).toBe(15 * (3 * 2 * 2 - 2) * 21 * 7);
    // Queries, keys and values, what goes out, two linear layers; scores and means of five vectors.
    const layer = 21 * 7 + 7 * 7 + 2 * 11 * 7 + 2 * 5 * 7;
    const task = transformerTask({ ...sizes, heads: 1, feedForward: 11, layers: 2 });
    expect(flopsOf(task)).toBe(15 * 2 * (3 * 2 * layer - 21 * 7));
  });
});

describe('a peer that is not installed', () => {
  it('is told of in one line for all of its settings', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    vi.stubEnv('PYTHON', 'no-python-of-this-name');
    try {
      expect(await startAll(systemsNamed('pytorch', 'onnxruntime'))).toEqual([]);
      expect(log.mock.calls.flat()).toEqual([
        'pytorch: not here: spawn no-python-of-this-name ENOENT',
        'onnxruntime: not here: spawn no-python-of-this-name ENOENT',
      ]);
    } finally {
      vi.unstubAllEnvs();
      log.mockRestore();
    }
  });

  it('and one that cannot do a task share a line with those of the same reason', () => {
    const failures = systemsNamed('onnxruntime').map((system) => ({ system, reason: 'no steps' }));
    const result = { task: netTask('step', 'lenet', 64), measurements: [], peaks: [], failures };
    expect(describeTask(result)).toContain(
      '\n  onnxruntime · 1 thread, onnxruntime · 2 threads: not timed: no steps\n',
    );
  });
});

describe('the ONNX models', () => {
  /** The fields of a message of protocol buffers, by number: numbers, or bytes of what is inside. */
  function fieldsOf(bytes: Uint8Array): Map<number, (number | Uint8Array)[]> {
    const fields = new Map<number, (number | Uint8Array)[]>();
    const VARINT = 0;
    new PbfReader(bytes).readFields((field, _, reader) => {
      const value = reader.type === VARINT ? reader.readVarint() : reader.readBytes();
      fields.set(field, [...(fields.get(field) ?? []), value]);
    }, null);
    return fields;
  }
  const bytesOf = (fields: ReturnType<typeof fieldsOf>, field: number) =>
    (fields.get(field) ?? []).filter((value) => value instanceof Uint8Array);
  const textsOf = (fields: ReturnType<typeof fieldsOf>, field: number) =>
    bytesOf(fields, field).map((bytes) => new TextDecoder().decode(bytes));

  it('hold the layers in a chain, and the weights that all systems get', () => {
    const weights = parametersOf('lenet', uniformSource(1));
    const x = { name: 'x', shape: [3, 1, 28, 28], data: new Float32Array(3 * 784) };
    const model = fieldsOf(onnxModel('lenet', [x, ...weights]) ?? new Uint8Array());
    expect(model.get(1)).toEqual([8]);
    const graph = fieldsOf(bytesOf(model, 7)[0] ?? new Uint8Array());
    const nodes = bytesOf(graph, 1).map(fieldsOf);
    expect(
      nodes.map((node) => `${textsOf(node, 4)}(${textsOf(node, 1)}) → ${textsOf(node, 2)}`),
    ).toEqual([
      'Conv(x,conv1.weight,conv1.bias) → h1',
      'Relu(h1) → h2',
      'MaxPool(h2) → h3',
      'Conv(h3,conv2.weight,conv2.bias) → h4',
      'Relu(h4) → h5',
      'MaxPool(h5) → h6',
      'Flatten(h6) → h7',
      'Gemm(h7,fc.weight,fc.bias) → logits',
    ]);
    const tensors = bytesOf(graph, 5).map(fieldsOf);
    expect(tensors.flatMap((tensor) => textsOf(tensor, 8))).toEqual(
      weights.map(({ name }) => name),
    );
    tensors.forEach((tensor, i) => {
      const { shape = [], data = new Float32Array() } = weights[i] ?? {};
      expect(tensor.get(1)).toEqual(shape);
      expect(bytesOf(tensor, 9)).toEqual([new Uint8Array(data.buffer)]);
    });
  });

  it('are written beside the arrays of the forward tasks, of which no net lacks one', () => {
    using files = new ArrayFiles();
    for (const task of TASKS.filter(({ kind }) => kind === 'forward')) {
      expect(readFileSync(`${files.write(task)}.onnx`).length).toBeGreaterThan(10_000);
    }
    expect(existsSync(`${files.write(netTask('step', 'lenet', 1))}.onnx`)).toBe(false);
  });
});
