import {
  add,
  findLeaks,
  heapStats,
  indexSelect,
  matmul,
  mean,
  mul,
  ones,
  Parameter,
  rand,
  relu,
  ShapeError,
  softmax,
  sub,
  sum,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  BatchNorm2d,
  conv2d,
  Conv2d,
  ConvTranspose2d,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  summary,
  type Layer,
} from '@unfold/nn';
import { Cnn, LeNet } from '@unfold/train';
import { describe, expect, it } from 'vitest';

describe('numbers computed by hand', () => {
  it('LeNet', () => {
    const { input, rows, trainable, frozen, macs } = summary(new LeNet(), [1, 1, 28, 28]);
    expect(input).toEqual([1, 1, 28, 28]);
    const called = { calls: 1, frozen: 0 };
    expect(rows).toEqual([
      { path: '', layer: 'LeNet', outputs: [[1, 10]], ...called, trainable: 0, macs: 0 },
      {
        path: 'conv1',
        layer: 'Conv2d',
        outputs: [[1, 8, 24, 24]],
        ...called,
        trainable: 8 * 25 + 8,
        macs: 24 * 24 * 8 * 25,
      },
      {
        path: 'conv2',
        layer: 'Conv2d',
        outputs: [[1, 16, 8, 8]],
        ...called,
        trainable: 16 * 8 * 25 + 16,
        macs: 8 * 8 * 16 * 8 * 25,
      },
      {
        path: 'fc',
        layer: 'Linear',
        outputs: [[1, 10]],
        ...called,
        trainable: 256 * 10 + 10,
        macs: 2560,
      },
    ]);
    expect({ trainable, frozen, macs }).toEqual({ trainable: 5994, frozen: 0, macs: 322_560 });
  });

  it('Cnn', () => {
    const { rows, trainable, macs } = summary(new Cnn(), [2, 1, 28, 28]);
    const each = [26 * 26 * 32 * 9, 24 * 24 * 64 * 32 * 9, 9216 * 128, 128 * 10];
    // Of the whole batch.
    expect(rows.map((row) => row.macs)).toEqual([0, ...each.map((one) => 2 * one)]);
    expect({ trainable, macs }).toEqual({ trainable: 1_199_882, macs: 2 * 11_992_448 });
  });

  it('groups, strides, dilation and transposed convolutions', () => {
    const model = new Sequential(
      new Conv2d(4, 6, [3, 2], { groups: 2, stride: 2, padding: 1, bias: false }),
      new ConvTranspose2d(6, 9, [3, 5], { groups: 3, stride: 2 }),
      new Conv2d(9, 1, 3, { dilation: 2 }),
    );
    const { rows } = summary(model, [2, 4, 9, 10]);
    expect(rows.map(({ outputs }) => outputs)).toEqual([
      [[2, 1, 7, 11]],
      [[2, 6, 5, 6]],
      [[2, 9, 11, 15]],
      [[2, 1, 7, 11]],
    ]);
    expect(rows.map((row) => row.macs)).toEqual([
      0,
      2 * 6 * 5 * 6 * (2 * 3 * 2),
      // Each input value goes to the 3·3·5 places of its group.
      2 * 6 * 5 * 6 * (3 * 3 * 5),
      2 * 7 * 11 * (9 * 9),
    ]);
    expect(rows.map((row) => row.trainable)).toEqual([0, 72, 6 * 3 * 15 + 9, 82]);
  });

  it('a linear layer over several axes', () => {
    expect(summary(new Linear(5, 3), [2, 7, 5]).macs).toBe(2 * 7 * 5 * 3);
  });
});

describe('any module', () => {
  it('frozen parameters count apart', () => {
    const model = new Sequential(new Linear(4, 5), new ReLU(), new Linear(5, 2));
    for (const parameter of [...model.parameters()].slice(0, 2)) parameter.requiresGrad = false;
    const { rows, trainable, frozen } = summary(model, [1, 4]);
    expect(rows.map((row) => [row.trainable, row.frozen])).toEqual([
      [0, 0],
      [0, 25],
      [0, 0],
      [12, 0],
    ]);
    expect({ trainable, frozen }).toEqual({ trainable: 12, frozen: 25 });
  });

  it('a module that is used twice has one row, its parameters once, its MACs twice', () => {
    const shared = new Linear(4, 4);
    const nested = new Sequential(shared, new ReLU());
    const result = summary(new Sequential(shared, nested, nested), [3, 4]);
    expect(result.rows.map(({ path, calls }) => [path, calls])).toEqual([
      ['', 1],
      ['0', 3],
      ['1', 2],
      ['1.1', 2],
    ]);
    expect([result.trainable, result.macs]).toEqual([20, 3 * 3 * 16]);
  });

  it('a parameter of two modules counts once; one of the model itself is its own', () => {
    class Tied extends Module {
      readonly scale = new Parameter(zeros([7]));
      readonly first = new Linear(7, 7, { bias: false });
      readonly second = new Linear(7, 7, { bias: false });
      readonly spare = new Linear(2, 3);

      constructor() {
        super();
        Object.assign(this.second, { weight: this.first.weight });
      }

      forward(x: Tensor): Tensor {
        return add(this.second.forward(this.first.forward(x)), this.scale);
      }
    }
    const result = summary(new Tied(), [1, 7]);
    expect(result.rows.map((row) => [row.path, row.trainable, row.calls, row.macs])).toEqual([
      ['', 7, 1, 0],
      ['first', 49, 1, 49],
      ['second', 0, 1, 49],
      ['spare', 9, 0, 0],
    ]);
    expect(result.rows.at(-1)?.outputs).toBeNull();
    expect(result.trainable).toBe(65);
  });

  it('several inputs and outputs; a dtype for indices', () => {
    class Split extends Module {
      forward(x: Tensor, y: Tensor): { sum: Tensor; both: number; x: Tensor } {
        return { sum: add(x, y), both: 2, x: mean(x) };
      }
    }
    class Lookup extends Module {
      readonly table = new Parameter(zeros([10, 3]));
      readonly split = new Split();

      forward(indices: Tensor): Tensor {
        expect(indices.dtype).toBe('int32');
        const rows = indexSelect(this.table, 0, indices);
        return this.split.forward(rows, rows).sum;
      }
    }
    const { rows } = summary(new Lookup(), [6], { dtype: 'int32' });
    expect(rows.map(({ outputs }) => outputs)).toEqual([[[6, 3]], [[6, 3], []]]);
    expect(rows[0]?.trainable).toBe(30);
  });

  it('is as before: mode, forward, gradients, memory; after an error too', async () => {
    class Modes extends Module {
      readonly seen: boolean[] = [];

      forward(x: Tensor): Tensor {
        this.seen.push(this.training);
        return x;
      }
    }
    const modes = new Modes();
    const model = new Sequential(modes, new Linear(3, 2));
    modes.eval();
    summary(model, [1, 3]);
    modes.train();
    summary(model, [1, 3]);
    const { liveTensors } = heapStats();
    expect(() => summary(model, [1, 4])).toThrow(ShapeError);
    expect(heapStats().liveTensors).toBe(liveTensors);
    expect(await findLeaks(() => void summary(model, [5, 3]))).toEqual([]);
    expect(modes.seen).toEqual([false, false, false, false]);
    expect([model.training, modes.training]).toEqual([true, true]);
    for (const [, child] of model.namedChildren())
      expect(Object.hasOwn(child, 'forward')).toBe(false);
    for (const parameter of model.parameters()) expect(parameter.grad).toBeNull();
  });
});

describe('the table', () => {
  it('is nested as the modules are', () => {
    const twice = new Linear(18, 18);
    class Net extends Module {
      readonly features = new Sequential(
        new Conv2d(1, 2, 3),
        new ReLU(),
        new MaxPool2d(2),
        new Flatten(),
      );
      readonly twice = twice;
      readonly unused = new Linear(1000, 1200).freeze();

      forward(x: Tensor): Tensor {
        return this.twice.forward(this.twice.forward(this.features.forward(x)));
      }
    }
    expect(String(summary(new Net(), [1, 1, 8, 8]))).toBe(
      [
        'layer                      output      trainable     frozen   MACs',
        '──────────────────────────────────────────────────────────────────',
        'input                      [1,1,8,8]',
        'Net                        [1,18]',
        '  features: Sequential     [1,18]',
        '    0: Conv2d              [1,2,6,6]          20               648',
        '    1: ReLU                [1,2,6,6]',
        '    2: MaxPool2d           [1,2,3,3]',
        '    3: Flatten             [1,18]',
        '  twice: Linear (2 calls)  [1,18]            342               648',
        '  unused: Linear           not called             1,201,200',
        '──────────────────────────────────────────────────────────────────',
        'total                                        362  1,201,200  1,296',
      ].join('\n'),
    );
  });
});

describe('what a model calls as a function', () => {
  class Block extends Module {
    readonly conv = new Conv2d(2, 2, 3, { padding: 1, bias: false });
    readonly norm = new BatchNorm2d(2);

    forward(x: Tensor): Tensor {
      return relu(add(x, this.norm.forward(this.conv.forward(x))));
    }
  }
  class ResNet extends Module {
    readonly stem = new Conv2d(1, 2, 3);
    readonly blocks = [new Block(), new Block()];
    readonly head = new Linear(2, 3);

    forward(x: Tensor): Tensor {
      let h = relu(this.stem.forward(x));
      for (const block of this.blocks) h = block.forward(h);
      return this.head.forward(mean(h, [2, 3]));
    }
  }

  it('has a line where it runs: a residual network', () => {
    const result = summary(new ResNet(), [1, 1, 6, 5]);
    expect(String(result)).toBe(
      [
        'layer                    output     trainable  frozen   MACs',
        '────────────────────────────────────────────────────────────',
        'input                    [1,1,6,5]',
        'ResNet                   [1,3]',
        '  stem: Conv2d           [1,2,4,3]         20            216',
        '  relu                   [1,2,4,3]',
        '    0: Block             [1,2,4,3]',
        '      conv: Conv2d       [1,2,4,3]         36            432',
        '      norm: BatchNorm2d  [1,2,4,3]          4',
        '      add                [1,2,4,3]',
        '      relu               [1,2,4,3]',
        '    1: Block             [1,2,4,3]',
        '      conv: Conv2d       [1,2,4,3]         36            432',
        '      norm: BatchNorm2d  [1,2,4,3]          4',
        '      add                [1,2,4,3]',
        '      relu               [1,2,4,3]',
        '  mean                   [1,2]',
        '  head: Linear           [1,3]              9              6',
        '────────────────────────────────────────────────────────────',
        'total                                     109       0  1,086',
      ].join('\n'),
    );
  });

  it('counts, in the row of the module that calls it', () => {
    class Attention extends Module {
      readonly scale = new Parameter(ones([]));

      forward(x: Tensor): Tensor {
        const scores = softmax(mul(matmul(x, x, { transposeB: true }), this.scale), -1);
        return matmul(scores, x, { transposeA: true });
      }
    }
    const attention = new Attention();
    const model = new Sequential(new Linear(4, 4), attention, attention);
    const { rows, operations, macs } = summary(model, [2, 3, 4]);
    const product = 2 * 3 * 3 * 4;
    expect(rows.map((row) => [row.path, row.calls, row.macs])).toEqual([
      ['', 1, 0],
      ['0', 1, 2 * 3 * 4 * 4],
      ['1', 2, 4 * product],
    ]);
    expect(operations).toEqual([
      { path: '1', op: 'matmul', outputs: [[2, 3, 3]], macs: 2 * product },
      { path: '1', op: 'mul', outputs: [[2, 3, 3]], macs: 0 },
      { path: '1', op: 'softmax', outputs: [[2, 3, 3]], macs: 0 },
      { path: '1', op: 'matmul', outputs: [[2, 3, 4]], macs: 2 * product },
    ]);
    expect(macs).toBe(96 + 4 * product);
  });

  it('may be a convolution on weights of its own', () => {
    class Own extends Module {
      readonly weight = new Parameter(ones([4, 1, 3, 3]));

      forward(x: Tensor): Tensor {
        return conv2d(x, this.weight, null, { groups: 2 });
      }
    }
    expect(summary(new Own(), [1, 2, 5, 4]).macs).toBe(4 * 3 * 2 * 9);
  });

  it('may be what no graph holds: branches on numbers, random ones, changes in place', async () => {
    class Wild extends Module {
      readonly count = new Parameter(zeros([2]));
      readonly inner = new Linear(2, 2);

      forward(x: Tensor): Map<string, Tensor> {
        this.count.update((data) => data.fill(sum(x).item() > 0 ? 1 : 2));
        const h = this.inner.forward(mul(add(x, rand([2])), ones([2])));
        return new Map([['h', sub(h, h.data[0] ?? 0)]]);
      }
    }
    const wild = new Wild() as Module as Layer;
    const { rows, operations } = summary(wild, [3, 2]);
    expect(await findLeaks(() => void summary(wild, [3, 2]))).toEqual([]);
    expect(rows.map((row) => [row.path, row.macs])).toEqual([
      ['', 0],
      ['inner', 12],
    ]);
    expect(operations.map(({ op }) => op)).toEqual(['sum', 'add', 'mul', 'sub']);
  });
});
