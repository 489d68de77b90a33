import {
  compile,
  ConfigError,
  FileFormatError,
  manualSeed,
  randn,
  ShapeError,
  tensor,
  UnfoldError,
  Tape,
  trace,
  zeros,
  type Tensor,
} from '@unfold/core';
import { crossEntropy } from '@unfold/nn';
import { exportOnnx, importOnnx } from '@unfold/onnx';
import { LeNet, SGD } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { ELEMENT, type OnnxGraph, type OnnxNode } from '../../packages/onnx/src/model/model.js';
import { rawOf } from '../../packages/onnx/src/model/elements.js';
import { operationExports } from '../support/onnx/exports.js';
import { file, float, node } from '../support/onnx/model-file.js';

describe('a model from a file', () => {
  const made = (): ReturnType<typeof importOnnx> => {
    manualSeed(3);
    return importOnnx(exportOnnx(new LeNet(), zeros([1, 1, 28, 28]), { classes: ['0', '1'] }));
  };

  it('has its weights under their names, and texts', () => {
    const model = made();
    expect([...model.namedParameters()].map(([name]) => name)).toEqual([
      'conv1.weight',
      'conv1.bias',
      'conv2.weight',
      'conv2.bias',
      'fc.weight',
      'fc.bias',
    ]);
    expect(model.metadata).toEqual({ classes: '["0","1"]' });
    expect([model.inputNames, model.outputNames]).toEqual([['x'], ['output']]);
  });

  it('traces and compiles to the same bits', () => {
    const model = made();
    const x = randn([2, 1, 28, 28]);
    const eager = model.forward(x).toArray();
    const graph = trace(model, x);
    expect(graph.nodes.map(({ op }) => op)).toEqual([
      'conv2d',
      'relu',
      'maxPool2d',
      'conv2d',
      'relu',
      'maxPool2d',
      'reshape',
      'linear',
    ]);
    expect((graph.run(x) as Tensor).toArray()).toEqual(eager);
    const fast = compile(model);
    expect([fast(x).toArray(), fast(x).toArray()]).toEqual([eager, eager]);
  });

  it('trains as the model that it came from', () => {
    const losses = (model: {
      forward(x: Tensor): Tensor;
      parameters(): Iterable<Tensor>;
    }): number[] => {
      manualSeed(4);
      const x = randn([8, 1, 28, 28]);
      const labels = zeros([8], { dtype: 'int32' });
      const optimizer = new SGD(model.parameters() as Iterable<never>, { lr: 0.1 });
      return Array.from({ length: 3 }, () => {
        const tape = new Tape();
        const loss = crossEntropy(model.forward(x), labels);
        const value = loss.item();
        tape.backward(loss);
        optimizer.step();
        optimizer.zeroGrad();
        return value;
      });
    };
    manualSeed(3);
    const own = losses(new LeNet());
    expect(losses(made())).toEqual(own);
    expect(own[2]).toBeLessThan(own[0] ?? 0);
  });

  it('is in evaluation until it is told to train', () => {
    const model = importOnnx(file({ nodes: [node('Dropout', ['x'], ['y'])] }));
    const x = randn([2]);
    expect(model.forward(x).toArray()).toEqual(x.toArray());
    expect(model.training).toBe(false);
  });

  it('runs by the names of inputs and outputs', () => {
    const model = importOnnx(
      file({
        nodes: [node('Add', ['x', 'z'], ['y']), node('Mul', ['x', 'z'], ['product'])],
        inputs: [float('x', 2), float('z', 2)],
        outputs: [float('y', 2), float('product', 2)],
      }),
    );
    const [x, z] = [randn([2]), randn([2])];
    expect(Object.keys(model.run({ z, x }))).toEqual(['y', 'product']);
    expect(() => model.forward(x, z)).toThrow(ConfigError);
    expect(() => model.run({ x })).toThrow('ImportedModel.run: expected x, z, got x');
    expect(() => model.run({ x, z, w: z })).toThrow(ConfigError);
  });

  it('keeps a weight from hiding what a module has', () => {
    const weight = { name: 'forward', dims: [2], elementType: 1, raw: rawOf('float32', [1, 2]) };
    const model = importOnnx(
      file({ nodes: [node('Add', ['x', 'forward'], ['y'])], initializers: [weight] }),
    );
    expect(model.forward(zeros([2])).toArray()).toEqual([1, 2]);
    expect([...model.stateDict().keys()]).toEqual(['forward_']);
  });

  it('reads weights that lie in another file', () => {
    const raw = rawOf('float32', [0, 1, 2]);
    const bytes = file({
      nodes: [node('Add', ['x', 'w'], ['y'])],
      initializers: [
        {
          name: 'w',
          dims: [2],
          elementType: 1,
          raw: new Uint8Array(),
          external: { location: 'w.bin', offset: 4, length: 8 },
        },
      ],
    });
    expect(
      importOnnx(bytes, { external: { 'w.bin': raw } })
        .forward(zeros([2]))
        .toArray(),
    ).toEqual([1, 2]);
    expect(() => importOnnx(bytes)).toThrow(
      "ONNX: w: its numbers are in the file w.bin; { external: { 'w.bin': bytes } } gives them",
    );
    expect(() => importOnnx(bytes, { external: { 'w.bin': raw.subarray(0, 8) } })).toThrow(
      'ONNX: w: expected bytes 4 to 12 of w.bin, which has 8',
    );
  });
});

describe('positions in lists', () => {
  const places = (values: number[][]): OnnxGraph['initializers'][number] => ({
    name: 'i',
    dims: [values.length, values[0]?.length ?? 0],
    elementType: ELEMENT.int64,
    raw: rawOf('int64', values.flat()),
  });
  const gather = (values: number[][]): unknown =>
    importOnnx(
      file({
        nodes: [node('GatherND', ['x', 'i'], ['y'])],
        inputs: [float('x', 2, 3)],
        initializers: [places(values)],
      }),
    )
      .forward(tensor([1, 2, 3, 4, 5, 6], [2, 3]))
      .toArray();

  it('are found, from the back too, each within its own axis', () => {
    expect(
      gather([
        [0, 2],
        [1, -3],
      ]),
    ).toEqual([3, 4]);
    for (const outside of [
      [0, 4],
      [1, -5],
      [2, 0],
    ]) {
      expect(() => gather([outside])).toThrow(ShapeError);
    }
    expect(() => gather([[0, 0, 1]])).toThrow(FileFormatError);
  });
});

describe('what is refused', () => {
  const refusal = (bytes: Uint8Array): string => {
    try {
      importOnnx(bytes, { name: 'net.onnx' });
    } catch (error) {
      expect(error).toBeInstanceOf(FileFormatError);
      return (error as Error).message;
    }
    return 'nothing';
  };

  it('is every operator that is unknown, at once', () => {
    const nodes = [
      node('NonMaxSuppression', ['x'], ['a'], { name: 'boxes' }),
      node('Relu', ['a'], ['b']),
      node('Fused', ['b'], ['y'], { domain: 'com.example' }),
    ];
    expect(refusal(file({ nodes }))).toBe(
      'net.onnx: has operators that Unfold lacks:\n  NonMaxSuppression: boxes\n  com.example.Fused: a node ' +
        'without a name',
    );
  });

  it('is a circle, what nothing gives, and what is given twice', () => {
    const circle = [
      node('Relu', ['b'], ['a']),
      node('Relu', ['a'], ['b']),
      node('Relu', ['b'], ['y']),
    ];
    expect(refusal(file({ nodes: circle }))).toBe(
      'net.onnx: Relu takes b, which nothing before it gives: nodes stand in their order',
    );
    expect(refusal(file({ nodes: [] }))).toBe('net.onnx: no node gives the output y');
    expect(refusal(file({ nodes: [node('Relu', ['x'], ['y']), node('Abs', ['x'], ['y'])] }))).toBe(
      'net.onnx: Abs gives y, which there is already',
    );
  });

  it('is a size that lies, before memory is taken', () => {
    const weight = (dims: number[], raw: Uint8Array): Uint8Array =>
      file({
        nodes: [node('Add', ['x', 'w'], ['y'])],
        initializers: [{ name: 'w', dims, elementType: 1, raw }],
      });
    const raw = rawOf('float32', [1]);
    expect(refusal(weight([2 ** 31, 2 ** 31], raw))).toMatch(/^net\.onnx: w: expected \d+ bytes/);
    expect(refusal(weight([2], raw))).toBe('net.onnx: w: expected 8 bytes for float32 [2], got 4');
    expect(refusal(weight([-1], raw))).toBe('net.onnx: w: expected sizes of at least 0, got [-1]');
    const nodes = [node('Relu', ['x'], ['y'])];
    expect(
      refusal(file({ nodes, initializers: [{ name: 'w', dims: [1], elementType: 8, raw }] })),
    ).toBe('net.onnx: w: the element type string is not supported');
  });

  it('is a size that is asked for, before a list of so many is made', () => {
    const int64 = (name: string, ...numbers: number[]): OnnxGraph['initializers'][number] => ({
      name,
      dims: [numbers.length],
      elementType: ELEMENT.int64,
      raw: rawOf('int64', numbers),
    });
    const floats = (name: string, ...numbers: number[]): OnnxGraph['initializers'][number] => ({
      name,
      dims: [numbers.length],
      elementType: ELEMENT.float32,
      raw: rawOf('float32', numbers),
    });
    const edge = { mode: { kind: 'string', value: 'edge' } } as const;
    const spread = {
      kernel_shape: { kind: 'ints', value: [2 ** 30, 1] },
      dilations: { kind: 'ints', value: [2, 2] },
    } as const;
    const asked: readonly (readonly [OnnxNode, OnnxGraph['initializers']])[] = [
      [node('Resize', ['x', '', 's'], ['y']), [floats('s', 1, 1, 1e9, 1)]],
      [node('Resize', ['x', '', '', 's'], ['y']), [int64('s', 1, 1, 2 ** 40, 1)]],
      [node('Resize', ['x', '', '', 's'], ['y']), [int64('s', 1, 1, 0, 1)]],
      [
        node('Pad', ['x', 's'], ['y'], { attributes: edge }),
        [int64('s', 0, 0, 2 ** 40, 0, 0, 0, 0, 0)],
      ],
      [
        node('Split', ['x'], ['y'], {
          attributes: { num_outputs: { kind: 'int', value: 2 ** 30 } },
        }),
        [],
      ],
      [node('MaxPool', ['x'], ['y'], { attributes: spread }), []],
      [node('Range', ['s', 's', 's'], ['y']), [int64('s', 0)]],
      [node('ConstantOfShape', ['s'], ['y']), [int64('s', 2 ** 40)]],
    ];
    for (const [one, initializers] of asked) {
      const model = importOnnx(
        file({ nodes: [one], initializers, inputs: [float('x', 1, 1, 4, 4)] }),
      );
      expect(() => model.forward(zeros([1, 1, 4, 4])), one.op).toThrow(UnfoldError);
    }
  });

  it('is a name that is given twice, or is none', () => {
    const nodes = [node('Relu', ['x'], ['y'])];
    expect(refusal(file({ nodes, inputs: [float('x', 2), float('x', 2)] }))).toBe(
      'net.onnx: an input gives x, which there is already',
    );
    expect(refusal(file({ nodes, inputs: [float('x', 2), float('', 2)] }))).toBe(
      'net.onnx: expected a name for each input, got none',
    );
  });

  it('is an older file, or none', () => {
    expect(refusal(file({}, { opset: 6 }))).toMatch(/expected operators of set 7 or later, got 6/);
    expect(refusal(new Uint8Array())).toBe(
      'net.onnx: expected an ONNX model, got a damaged one: it has no graph',
    );
    expect(refusal(new TextEncoder().encode('<!doctype html>'))).toMatch(/got a damaged one/);
    // @ts-expect-error -- What plain JavaScript may give.
    expect(() => importOnnx('net.onnx')).toThrow(ConfigError);
  });

  it('is what is cut off anywhere, or damaged', () => {
    const whole = exportOnnx(new LeNet(), zeros([1, 1, 28, 28]));
    for (let length = 0; length < whole.length; length += 1 + Math.floor(length / 9)) {
      expect(refusal(whole.subarray(0, length))).not.toBe('nothing');
    }
    const small = operationExports().filter(({ bytes }) => bytes.length < 600);
    let seed = 1;
    for (let i = 0; i < 2000; i++) {
      seed = (seed * 48271) % 2147483647;
      const bytes = small[seed % small.length]?.bytes.slice() ?? new Uint8Array();
      bytes[seed % bytes.length] = (seed >> 8) & 0xff;
      try {
        importOnnx(bytes);
      } catch (error) {
        if (!(error instanceof FileFormatError)) throw error;
      }
    }
  });

  it('is a recurrent layer that names too few functions, or an unknown one', () => {
    const weights = (name: string, ...dims: number[]): OnnxGraph['initializers'][number] => ({
      name,
      dims,
      elementType: ELEMENT.float32,
      raw: rawOf('float32', new Array(dims.reduce((count, size) => count * size)).fill(0.5)),
    });
    const lstm = (...value: string[]): unknown =>
      importOnnx(
        file({
          nodes: [
            node('LSTM', ['x', 'w', 'r'], ['y'], {
              attributes: { activations: { kind: 'strings', value } },
            }),
          ],
          inputs: [float('x', 2, 1, 3)],
          initializers: [weights('w', 1, 8, 3), weights('r', 1, 8, 2)],
        }),
      ).forward(zeros([2, 1, 3]));
    expect(() => lstm('Sigmoid', 'Tanh', 'Tanh')).not.toThrow();
    expect(() => lstm('Sigmoid', 'Tanh')).toThrow('LSTM: the activation none is not supported');
    expect(() => lstm('Sigmoid', 'Softsign', 'Tanh')).toThrow(
      'LSTM: the activation Softsign is not supported',
    );
  });

  it('is an integer that int32 does not hold, when it is needed', () => {
    const w = { name: 'w', dims: [1], elementType: ELEMENT.int64, raw: rawOf('int64', [2 ** 40]) };
    const model = importOnnx(
      file({
        nodes: [node('Add', ['x', 'w'], ['y'])],
        inputs: [{ name: 'x', elementType: ELEMENT.int64, dims: [1] }],
        initializers: [w],
      }),
    );
    expect(() => model.forward(zeros([1], { dtype: 'int32' }))).toThrow(ShapeError);
  });
});
