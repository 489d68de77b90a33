import type { Tensor } from '@unfold/core';
import {
  add,
  ConfigError,
  defineFunction,
  div,
  full,
  manualSeed,
  mul,
  neg,
  ones,
  randn,
  relu,
  slice,
  sum,
  tensor,
  zeros,
  type Shape,
} from '@unfold/core';
import { BatchNorm2d, Conv2d, Dropout, Flatten, Linear, Sequential } from '@unfold/nn';
import { exportOnnx, importOnnx, type ExportOnnxOptions } from '@unfold/onnx';
import { LeNet } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../packages/onnx/src/model/read-model.js';
import { modelExports, operationExports } from '../support/onnx/exports.js';
import { expectSame, plain } from '../support/plain.js';

const exported = (
  model: Parameters<typeof exportOnnx>[0],
  example: Parameters<typeof exportOnnx>[1],
  options?: ExportOnnxOptions,
): ReturnType<typeof readModel> => readModel(exportOnnx(model, example, options), 'test');

const image = (): Tensor => randn([1, 1, 28, 28]);

describe('the file', () => {
  it('has the names of weights, inputs and outputs, and a batch of any size', () => {
    const { irVersion, opset, producer, graph } = exported(new LeNet(), image(), {
      names: { outputs: ['logits'] },
    });
    expect({ irVersion, opset, producer }).toEqual({
      irVersion: 8,
      opset: 17,
      producer: '@unfold/onnx',
    });
    expect(graph.name).toBe('LeNet');
    expect(graph.initializers.map(({ name, dims }) => [name, ...dims])).toEqual([
      ['conv1.weight', 8, 1, 5, 5],
      ['conv1.bias', 8],
      ['conv2.weight', 16, 8, 5, 5],
      ['conv2.bias', 16],
      ['fc.weight', 10, 256],
      ['fc.bias', 10],
    ]);
    expect(graph.inputs).toEqual([{ name: 'x', elementType: 1, dims: ['batch', 1, 28, 28] }]);
    expect(graph.outputs).toEqual([{ name: 'logits', elementType: 1, dims: ['batch', 10] }]);
    expect(graph.nodes.map(({ op, name }) => `${name}: ${op}`)).toEqual([
      'conv1/Conv: Conv',
      'Relu: Relu',
      'MaxPool: MaxPool',
      'conv2/Conv: Conv',
      'Relu_1: Relu',
      'MaxPool_1: MaxPool',
      'constant.0: Constant',
      'Reshape: Reshape',
      'fc/Gemm: Gemm',
    ]);
  });

  it('is the same each time, and no other in training', () => {
    const model = new Sequential(new Conv2d(1, 2, 3), new BatchNorm2d(2), new Dropout());
    const first = exportOnnx(model, image());
    expect(model.training).toBe(true);
    expect(exportOnnx(model.eval(), image())).toEqual(first);
  });

  it('has the shapes of the example with batchAxis null', () => {
    const { inputs, outputs } = exported(new LeNet(), image(), { batchAxis: null }).graph;
    expect([inputs[0]?.dims, outputs[0]?.dims]).toEqual([
      [1, 1, 28, 28],
      [1, 10],
    ]);
  });

  it('takes a batch along another axis', () => {
    const rows = (x: Tensor): Tensor => sum(x, 0);
    expect(exported(rows, zeros([3, 2]), { batchAxis: 1 }).graph.outputs[0]?.dims).toEqual([
      'batch',
    ]);
  });

  it('names what a function returns by its place', () => {
    const names = (fn: (x: Tensor) => unknown): string[] =>
      exported(fn, zeros([2])).graph.outputs.map(({ name }) => name);
    expect(names((x) => add(x, 1))).toEqual(['output']);
    expect(names((x) => [add(x, 1), x])).toEqual(['output0', 'output1']);
    expect(names((x) => ({ mean: add(x, 1), std: mul(x, 2) }))).toEqual(['mean', 'std']);
  });

  it('says what its input is normalised by, and the names of classes', () => {
    const normalization = { mean: [0.25], std: [0.5] };
    const options = {
      name: 'lenet',
      normalization,
      classes: ['cat', '𠀀'],
      metadata: { by: 'me' },
    };
    expect(exported(new LeNet(), image(), options).metadata).toEqual({
      by: 'me',
      model: 'lenet',
      normalization: '{"mean":[0.25],"std":[0.5]}',
      classes: '["cat","𠀀"]',
    });
  });

  it('normalises its input itself with includeNormalization', () => {
    const normalization = { mean: [0.25, 1], std: [0.5, 2] };
    const model = new Conv2d(2, 3, 3);
    const bytes = exportOnnx(model, zeros([1, 2, 5, 5]), {
      normalization,
      includeNormalization: true,
    });
    const x = randn([4, 2, 5, 5]);
    const normal = div(add(x, tensor([[[-0.25]], [[-1]]])), tensor([[[0.5]], [[2]]]));
    expect(importOnnx(bytes).forward(x).toArray()).toEqual(model.forward(normal).toArray());
  });

  it('has constants that follow the batch', () => {
    const model = (x: Tensor): Tensor => add(x, ones([x.shape[0] ?? 0, 1]));
    const back = importOnnx(exportOnnx(model, zeros([2, 3])));
    expect(back.forward(zeros([5, 3])).toArray()).toEqual(ones([5, 3]).toArray());
  });
});

/** A model's outputs for its inputs in their order. */
function run(model: ReturnType<typeof importOnnx>, inputs: readonly Tensor[]): Tensor[] {
  const named = model.inputNames.flatMap((name, i) => {
    const x = inputs[i];
    return x ? [[name, x] as const] : [];
  });
  return Object.values(model.run(Object.fromEntries(named)));
}

describe('there and back', () => {
  it('walks backwards from the end', () => {
    for (const range of [
      [null, null, -1],
      [3, null, -1],
      [null, 1, -2],
    ] as const) {
      const back = (x: Tensor): Tensor => slice(x, [null, range]);
      const x = randn([2, 5]);
      expect(run(importOnnx(exportOnnx(back, x)), [x])[0]?.toArray()).toEqual(back(x).toArray());
    }
  });

  it.each([17, 22])('every operation gives the same in operator set %i', (opset) => {
    for (const { name, bytes, inputs, outputs } of operationExports(opset)) {
      const given = run(importOnnx(bytes, { name }).eval(), inputs);
      expect(given.map((x) => [name, x.dtype, x.shape])).toEqual(
        outputs.map((x) => [name, x.dtype, x.shape]),
      );
      expectSame(given.map(plain), outputs);
    }
  });

  it('models give the same, also once more', () => {
    for (const { bytes, inputs, outputs } of modelExports()) {
      const model = importOnnx(bytes).eval();
      expectSame(run(model, inputs).map(plain), outputs);
      const again = exportOnnx((...given) => run(model, given), inputs);
      expectSame(run(importOnnx(again).eval(), inputs).map(plain), outputs);
    }
  });
});

describe('what can not be exported', () => {
  const thrown = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as Error).message;
    }
    return 'nothing';
  };
  const refused = (fn: (x: Tensor) => Tensor, shape: Shape = [2, 3]): string =>
    thrown(() => exportOnnx(fn, zeros(shape)));

  it('is named', () => {
    const own = defineFunction('mine', {
      forward: (_, x: Tensor) => add(x, 1),
      backward: (_, dOut) => dOut,
    });
    expect(refused((x) => own(x))).toBe(
      'exportOnnx: mine: ONNX has no such operation; write it with others for the export',
    );
  });

  it('is what follows the batch', () => {
    expect(refused((x) => div(x, x.shape[0] ?? 1))).toBe(
      'exportOnnx: div: b follows the size of the batch; { batchAxis: null } takes the sizes of the example',
    );
    expect(refused((x) => (x.shape[0] === 2 ? x : add(x, 1)))).toMatch(
      /^exportOnnx: expected a function whose operations don't depend on the size of the batch, got 0 and 1/,
    );
    // What follows the batch along no line is found on a third one.
    expect(refused((x) => add(x, full([(x.shape[0] ?? 0) ** 2, 1, 1], 2)))).toMatch(
      /^exportOnnx: expected a function whose operations don't depend on the size of the batch, got /,
    );
    expect(refused((x) => slice(x, [[0, Math.floor((x.shape[0] ?? 0) / 2)]]))).toMatch(
      /^exportOnnx: /,
    );
    expect(refused((x) => ((x.shape[0] ?? 0) > 6 ? neg(x) : relu(x)))).toMatch(/got relu and neg/);
    expect(refused((x) => add(x, zeros([2, 3])))).toMatch(
      /^exportOnnx: expected a model that takes batches of any size, and \[3,3\] too, got: add: /,
    );
  });

  it('is a bad option', () => {
    const model = new Sequential(new Flatten(), new Linear(3, 2));
    const bad = (options: object): string =>
      thrown(() => exportOnnx(model, zeros([1, 3]), options));
    expect(bad({ opset: 16 })).toBe(
      'exportOnnx: opset must be one of 17, 18, 19, 20, 21, 22, got 16',
    );
    expect(bad({ opset: 'toString' })).toMatch(/^exportOnnx: opset must be one of/);
    expect(bad({ opset: '17' })).toMatch(/^exportOnnx: opset must be one of/);
    expect(bad({ names: 7 })).toMatch(/^exportOnnx: names must be/);
    expect(bad({ names: { inputs: ['\ud800'] } })).toMatch(/expected 1 names of inputs/);
    expect(bad({ normalization: { mean: [1, 2], std: [1, 1] }, includeNormalization: true })).toBe(
      'exportOnnx: expected a float input of 2 channels, as the normalization has, got float32 [1,3]',
    );
    expect(bad({ batchAxis: -1 })).toBe(
      'exportOnnx: batchAxis must be an integer of at least 0, or null, got -1',
    );
    expect(bad({ includeNormalization: true })).toBe(
      'exportOnnx: expected a normalization to include, got none; { normalization } gives it',
    );
    expect(bad({ names: { outputs: ['a', 'b'] } })).toBe(
      "exportOnnx: expected 1 names of outputs, got ['a', 'b']",
    );
    expect(bad({ names: { inputs: ['a'], outputs: ['a'] } })).toBe(
      'exportOnnx: expected names of their own for inputs and outputs, got a for two tensors; ' +
        '{ names: { inputs, outputs } } chooses others',
    );
    expect(bad({ dynamic: true })).toMatch(/^exportOnnx: .*dynamic/);
  });

  it('leaves no tensors behind', () => {
    manualSeed(1);
    const model = new LeNet();
    exportOnnx(model, image());
    expect(model.parameterCount()).toBe(5994);
  });
});
