import {
  add,
  argmax,
  concat,
  generator,
  manualSeed,
  mean,
  mul,
  Parameter,
  randn,
  relu,
  reshape,
  rngState,
  Scope,
  sub,
  sum,
  Tape,
  TapeError,
  tensor,
  trace,
  zeros,
  type Graph,
  type Tensor,
} from '@unfold/core';
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  crossEntropy,
  CrossEntropyLoss,
  Dropout,
  Flatten,
  Identity,
  Linear,
  MaxPool2d,
  Module,
  mseLoss,
  ReLU,
  Sequential,
} from '@unfold/nn';
import { Cnn, LeNet, LeNetBN } from '@unfold/train';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../support/failure.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => {
  scope.close();
});

const bytes = (x: Tensor): Buffer => Buffer.from(x.toTypedArray().buffer);

/** The state's bytes, by name. */
const stateOf = (model: Module): Record<string, string> =>
  Object.fromEntries([...model.stateDict()].map(([name, x]) => [name, bytes(x).toString('hex')]));

class Block extends Module {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;
  readonly skip: Conv2d | null;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, 3, { padding: 1, bias: false });
    this.norm = new BatchNorm2d(outChannels);
    this.skip = inChannels === outChannels ? null : new Conv2d(inChannels, outChannels, 1);
  }

  forward(x: Tensor): Tensor {
    const h = this.norm.forward(this.conv.forward(x));
    return relu(add(h, this.skip ? this.skip.forward(x) : x));
  }
}

/** A small residual network. */
class ResNet extends Module {
  readonly layers = [new Block(2, 3), new Block(3, 3)];
  readonly head = new Sequential(new Dropout(0.4), new Linear(3, 4));

  forward(x: Tensor): Tensor {
    let h = x;
    for (const layer of this.layers) h = layer.forward(h);
    return this.head.forward(mean(h, [2, 3]));
  }
}

describe('the listing', () => {
  it('of LeNet', () => {
    const conv = 'stride=1, padding=0, dilation=1, groups=1';
    expect(String(trace(new LeNet(), zeros([2, 1, 28, 28])))).toBe(
      [
        'LeNet(x: float32 [2,1,28,28]) {',
        `  %0: float32 [2,8,24,24] = conv2d(x, conv1.weight, conv1.bias, ${conv})  # conv1`,
        '  %1: float32 [2,8,24,24] = relu(%0)',
        '  %2: float32 [2,8,12,12] = maxPool2d(%1, kernelSize=2, stride=2, padding=0, dilation=1, ceilMode=false)',
        `  %3: float32 [2,16,8,8]  = conv2d(%2, conv2.weight, conv2.bias, ${conv})  # conv2`,
        '  %4: float32 [2,16,8,8]  = relu(%3)',
        '  %5: float32 [2,16,4,4]  = maxPool2d(%4, kernelSize=2, stride=2, padding=0, dilation=1, ceilMode=false)',
        '  %6: float32 [2,256]     = reshape(%5, shape=[-1, 256])',
        '  %7: float32 [2,10]      = linear(%6, fc.weight, fc.bias)  # fc',
        '  return %7',
        '}',
      ].join('\n'),
    );
  });
});

describe('a model', () => {
  it('with branches has its parameters and buffers by name, and its modules by path', () => {
    const model = new ResNet().eval();
    const graph = trace(model, zeros([2, 2, 5, 4]));
    expect(graph.nodes.map(({ op, module, inputs }) => [op, module, inputs.join(' ')])).toEqual([
      ['conv2d', 'layers.0.conv', 'x layers.0.conv.weight'],
      [
        'batchNorm',
        'layers.0.norm',
        '%0 layers.0.norm.running_mean layers.0.norm.running_var layers.0.norm.weight layers.0.norm.bias',
      ],
      ['conv2d', 'layers.0.skip', 'x layers.0.skip.weight layers.0.skip.bias'],
      ['add', 'layers.0', '%1 %2'],
      ['relu', 'layers.0', '%3'],
      ['conv2d', 'layers.1.conv', '%4 layers.1.conv.weight'],
      [
        'batchNorm',
        'layers.1.norm',
        '%5 layers.1.norm.running_mean layers.1.norm.running_var layers.1.norm.weight layers.1.norm.bias',
      ],
      ['add', 'layers.1', '%6 %4'],
      ['relu', 'layers.1', '%7'],
      ['mean', '', '%8'],
      ['dropout', 'head.0', '%9'],
      ['linear', 'head.1', '%10 head.1.weight head.1.bias'],
    ]);
    expect(graph.parameters.map(({ name }) => name)).toEqual(
      [...model.namedParameters()].map(([name]) => name),
    );
    expect(graph.buffers.map(({ name }) => name)).toEqual(
      [...model.namedBuffers()].map(([name]) => name).filter((name) => !name.includes('num_')),
    );
    expect(graph.constants).toEqual([]);
    for (const value of [...graph.parameters, ...graph.buffers]) {
      expect(model.stateDict().get(value.name)).toBe(value.tensor);
      expect(value.shape).toBe(value.tensor?.shape);
    }
  });

  it.each([true, false])('does in training %s what it does itself, to the state too', (mode) => {
    manualSeed(3);
    const [one, other] = [new ResNet().train(mode), new ResNet().train(mode)];
    other.loadStateDict(one.stateDict());
    generator('dropout');
    const untouched = [stateOf(one), rngState()];
    const graph = trace(one, zeros([6, 2, 5, 4]));
    expect([stateOf(one), rngState()]).toEqual(untouched);
    for (let step = 0; step < 3; step++) {
      const x = randn([6, 2, 5, 4]);
      manualSeed(step);
      const eager = bytes(other.forward(x));
      manualSeed(step);
      expect(bytes(graph.run(x))).toEqual(eager);
      expect(stateOf(one)).toEqual(stateOf(other));
    }
    const training = graph.nodes.flatMap(({ attributes: { training } }) =>
      training === undefined ? [] : [training],
    );
    expect(training).toEqual([mode, mode, mode]);
    expect(graph.buffers.length).toBe(mode ? 6 : 4);
  });

  it.each([
    ['LeNet', new LeNet()],
    ['Cnn', new Cnn()],
    ['LeNetBN', new LeNetBN()],
    ['LeNetBN in evaluation', new LeNetBN().eval()],
  ] as const)('%s', (_, model) => {
    const graph = trace(model, zeros([3, 1, 28, 28]));
    const x = randn([3, 1, 28, 28]);
    const before = stateOf(model);
    const eager = bytes(model.forward(x));
    const after = stateOf(model);
    for (const [name, state] of model.stateDict()) {
      const numbers = Buffer.from(before[name] ?? '', 'hex');
      state.update((data) =>
        Buffer.from(data.buffer, data.byteOffset, data.byteLength).set(numbers),
      );
    }
    expect(bytes(graph.run(x))).toEqual(eager);
    expect(stateOf(model)).toEqual(after);
  });

  it('gets its gradients from the graph as from itself', () => {
    class Loss extends Module {
      readonly model = new ResNet().eval();
      forward(x: Tensor, labels: Tensor): Tensor {
        return crossEntropy(this.model.forward(x), labels);
      }
    }
    const loss = new Loss();
    const [x, labels] = [randn([3, 2, 5, 4]), tensor([1, 0, 3], undefined, { dtype: 'int32' })];
    const graph = trace(loss, x, labels);
    expect(graph.nodes.at(-1)).toMatchObject({ op: 'crossEntropy', module: '' });
    const gradients = (run: () => Tensor): Buffer[] => {
      loss.zeroGrad();
      Tape.run((tape) => tape.backward(run()));
      return [...loss.parameters()].flatMap(({ grad }) => (grad ? [bytes(grad)] : []));
    };
    const eager = gradients(() => loss.forward(x, labels));
    expect(eager).toHaveLength([...loss.parameters()].length);
    expect(gradients(() => graph.run(x, labels))).toEqual(eager);
  });

  it('computes with the weights that it has now', () => {
    const model = new Linear(3, 2);
    const graph = trace(model, zeros([1, 3]));
    model.weight.update((data) => data.fill(2));
    model.bias?.update((data) => data.fill(1));
    expect(graph.run(tensor([[1, 2, 3]])).toArray()).toEqual([[13, 13]]);
  });

  it('has the calls of its modules, with what each was given and gave', () => {
    class Inner extends Module {
      readonly fc = new Linear(3, 3);
      readonly same = new Identity();
      forward([a, b]: readonly [Tensor, Tensor], options: { readonly scale: number }) {
        return { h: this.same.forward(mul(this.fc.forward(a), options.scale)), b };
      }
    }
    class Outer extends Module {
      readonly inner = new Inner();
      forward(x: Tensor): Tensor {
        const { h, b } = this.inner.forward([x, x], { scale: 2 });
        return this.inner.forward([h, b], { scale: 2 }).h;
      }
    }
    const { calls, nodes } = trace(new Outer(), zeros([1, 3]));
    const byName = (part: unknown): string =>
      JSON.stringify(part).replaceAll(/\{"name":("[^"]*"),[^}]*\}/g, '$1');
    const shown = calls.map(({ inputs, output, ...call }) => ({
      ...call,
      inputs: byName(inputs),
      output: byName(output),
    }));
    expect(nodes.map(({ op }) => op)).toEqual(['linear', 'mul', 'linear', 'mul']);
    const scale = '{"scale":2}';
    expect(shown).toEqual([
      { module: '', call: 0, parent: null, first: 0, end: 4, inputs: '["x"]', output: '"%3"' },
      {
        module: 'inner',
        call: 0,
        parent: 0,
        first: 0,
        end: 2,
        inputs: `[["x","x"],${scale}]`,
        output: '{"h":"%1","b":"x"}',
      },
      { module: 'inner.fc', call: 0, parent: 1, first: 0, end: 1, inputs: '["x"]', output: '"%0"' },
      {
        module: 'inner.same',
        call: 0,
        parent: 1,
        first: 2,
        end: 2,
        inputs: '["%1"]',
        output: '"%1"',
      },
      {
        module: 'inner',
        call: 1,
        parent: 0,
        first: 2,
        end: 4,
        inputs: `[["%1","x"],${scale}]`,
        output: '{"h":"%3","b":"x"}',
      },
      {
        module: 'inner.fc',
        call: 1,
        parent: 4,
        first: 2,
        end: 3,
        inputs: '["%1"]',
        output: '"%2"',
      },
      {
        module: 'inner.same',
        call: 1,
        parent: 4,
        first: 4,
        end: 4,
        inputs: '["%3"]',
        output: '"%3"',
      },
    ]);
  });

  it('may hold a module twice, itself frozen, and hooks', () => {
    const shared = new Linear(3, 3);
    const model = new Sequential(shared, new ReLU(), shared).freeze();
    const seen: string[] = [];
    const handle = shared.registerForwardHook((_, __, output) => {
      seen.push('hook');
      return mul(output as Tensor, 2);
    });
    const graph = trace(model, zeros([1, 3]));
    expect(graph.nodes.map(({ op, module, call }) => [op, module, call])).toEqual([
      ['linear', '0', 0],
      ['mul', '0', 0],
      ['relu', '1', 0],
      ['linear', '0', 1],
      ['mul', '0', 1],
    ]);
    expect(seen).toEqual(['hook', 'hook']);
    handle.remove();
    expect(Object.hasOwn(shared, 'forward')).toBe(false);
    expect(graph.parameters.map(({ name }) => name)).toEqual(['0.weight', '0.bias']);
  });

  it('is as before after an error', async () => {
    class Broken extends Module {
      readonly norm = new BatchNorm2d(2);
      forward(x: Tensor): Tensor {
        const h = this.norm.forward(x);
        throw new RangeError(`after ${h.describe()}`);
      }
    }
    const model = new Broken();
    const before = stateOf(model);
    const error = await failure(() => trace(model, randn([3, 2, 4, 4])));
    expect(error).toBeInstanceOf(RangeError);
    expect(stateOf(model)).toEqual(before);
    expect(Object.hasOwn(model, 'forward') || Object.hasOwn(model.norm, 'forward')).toBe(false);
    expect(mean(zeros([2])).item()).toBe(0);
  });

  it('may be a frozen object, which runs as a part of what is around', () => {
    const frozen = new Linear(2, 2);
    Object.freeze(frozen);
    const model = new Sequential(frozen, new ReLU());
    const graph = trace(model, zeros([1, 2]));
    expect(graph.nodes.map(({ op, module }) => [op, module])).toEqual([
      ['linear', ''],
      ['relu', '1'],
    ]);
    expect(graph.parameters.map(String)).toEqual(['0.weight', '0.bias']);
  });

  it('names its inputs apart from its state', () => {
    class Named extends Module {
      readonly x = new Parameter(zeros([2]));
      forward(given: Tensor): Tensor {
        return add(given, this.x);
      }
    }
    const graph = trace(new Named(), zeros([2]));
    expect(String(graph)).toBe(
      'Named(x_: float32 [2]) {\n  %0: float32 [2] = add(x_, x)\n  return %0\n}',
    );
  });

  it('may hold a buffer twice, which has its first name', () => {
    class Twice extends Module {
      readonly a = this.registerBuffer('a', zeros([2]));
      readonly b = this.registerBuffer('b', this.a);
      forward(x: Tensor): Tensor {
        return add(x, this.b);
      }
    }
    const graph = trace(new Twice(), zeros([2]));
    expect(graph.nodes[0]?.inputs.map(String)).toEqual(['x', 'a']);
    expect(graph.buffers.map(String)).toEqual(['a']);
  });

  it('may take other arguments after its tensors', () => {
    const graph = trace(new ConvTranspose2d(1, 2, 3, { stride: 2 }), zeros([1, 1, 4, 5]));
    expect(graph.outputs[0]?.shape).toEqual([1, 2, 9, 11]);
  });

  it('may be a loss, whose weights are buffers', () => {
    const weight = tensor([1, 2, 3]);
    const graph = trace(
      new CrossEntropyLoss({ weight }),
      zeros([2, 3]),
      zeros([2], { dtype: 'int32' }),
    );
    expect(graph.buffers.map(({ name }) => name)).toEqual(['weight']);
    expect(String(graph)).toContain(
      "crossEntropy(x0, x1, reduction='mean', weight=weight, labelSmoothing=0, ignoreIndex=-100)",
    );
  });

  it('may return what it likes', () => {
    class Several extends Module {
      readonly body = new Sequential(
        new Conv2d(1, 2, 3),
        new ReLU(),
        new MaxPool2d(2),
        new Flatten(),
      );
      forward(x: Tensor): {
        scores: Tensor;
        parts: readonly [Tensor, { label: Tensor }];
        n: number;
      } {
        const scores = this.body.forward(x);
        return { scores, parts: [sum(scores, 1), { label: argmax(scores, 1) }], n: 2 };
      }
    }
    const model = new Several();
    const graph: Graph<{ scores: Tensor; parts: readonly [Tensor, { label: Tensor }]; n: number }> =
      trace(model, zeros([2, 1, 8, 8]));
    const x = randn([2, 1, 8, 8]);
    const [eager, replayed] = [model.forward(x), graph.run(x)];
    expect(replayed.n).toBe(2);
    expect(bytes(replayed.scores)).toEqual(bytes(eager.scores));
    expect(bytes(replayed.parts[0])).toEqual(bytes(eager.parts[0]));
    expect(replayed.parts[1].label.toArray()).toEqual(eager.parts[1].label.toArray());
  });
});

describe('dropout', () => {
  it('draws anew at each run, from the same stream', () => {
    const graph = trace(new Dropout(0.5), zeros([64]));
    const x = randn([64]);
    manualSeed(5);
    const masks = [graph.run(x), graph.run(x)].map((out) => bytes(out));
    expect(masks[0]).not.toEqual(masks[1]);
    manualSeed(5);
    const model = new Dropout(0.5);
    expect([model.forward(x), model.forward(x)].map((out) => bytes(out))).toEqual(masks);
  });

  it('in evaluation is a node that gives its input', () => {
    const graph = trace((x) => add(x, new Dropout(0.5).eval().forward(x)), zeros([3]));
    expect(graph.nodes.map(({ op, inputs }) => [op, inputs.join(' ')])).toEqual([
      ['dropout', 'x'],
      ['add', 'x %0'],
    ]);
    expect(graph.run(tensor([1, 2, 3])).toArray()).toEqual([2, 4, 6]);
  });
});

describe('buffers', () => {
  class Counting extends Module {
    readonly count = this.registerBuffer('count', zeros([]));
    readonly weight = new Parameter(zeros([2]));

    forward(x: Tensor): Tensor {
      this.count.update((data) => (data[0] = (data[0] ?? 0) + 1));
      return add(add(x, this.weight), this.count);
    }
  }

  it('may be changed, which is a node of its own', () => {
    const model = new Counting();
    const graph = trace(model, zeros([2]));
    expect(model.count.item()).toBe(0);
    expect(String(graph).split('\n')[1]).toBe('  update(count)');
    expect(graph.run(tensor([1, 2])).toArray()).toEqual([2, 3]);
    expect(graph.run(tensor([1, 2])).toArray()).toEqual([3, 4]);
    expect(model.count.item()).toBe(2);
  });

  it('may not be read, nor may parameters, nor parameters be changed', async () => {
    class Reading extends Counting {
      readonly #act: (model: Reading, x: Tensor) => Tensor;
      constructor(act: (model: Reading, x: Tensor) => Tensor) {
        super();
        this.#act = act;
      }
      override forward(x: Tensor): Tensor {
        return this.#act(this, x);
      }
    }
    const told = (act: (model: Reading, x: Tensor) => Tensor): Promise<Error> =>
      failure(() => trace(new Reading(act), zeros([2])));
    for (const [act, message] of [
      [({ count }, x) => mul(x, count.item()), /^item: .*made by zeros/],
      [({ weight }, x) => mul(x, weight.data[0] ?? 0), /^data: .*made by Parameter/],
      [
        ({ weight }, x) => (weight.update((data) => data.fill(1)), x),
        /^update: expected to change buffers/,
      ],
      [
        (model, x) => (model.loadStateDict({ count: zeros([]), weight: zeros([2]) }), x),
        /^bufferOf: /,
      ],
    ] satisfies [Parameters<typeof told>[0], RegExp][]) {
      const error = await told(act);
      expect(error).toBeInstanceOf(TapeError);
      expect(error.message).toMatch(message);
    }
  });

  it('of a model that is not traced itself may not be moved', async () => {
    const norm = new BatchNorm2d(2);
    const error = await failure(() => trace((x) => norm.forward(x), randn([3, 2, 4, 4])));
    expect(error).toBeInstanceOf(TapeError);
    expect(error.message).toBe(
      'batchNorm: expected to change buffers of the model only while a graph is traced, got the ' +
        'float32 tensor [2] made by zeros; make a new tensor, or trace the module whose buffer it is',
    );
    expect(trace((x) => norm.eval().forward(x), randn([3, 2, 4, 4])).constants).toHaveLength(4);
  });
});

describe('what is traced in a model', () => {
  it('are constants where it holds tensors that are no state, and parameters of other models', () => {
    const target = randn([2, 2]);
    const other = new Linear(3, 2);
    class Distance extends Module {
      readonly inner = new Linear(3, 2);
      forward(x: Tensor): Tensor {
        const both = concat([this.inner.forward(x), other.forward(x)], 1);
        return mseLoss(sub(reshape(both, [4, 2]), 1), concat([target, target]));
      }
    }
    const graph = trace(new Distance(), zeros([2, 3]));
    expect(graph.constants.map(({ tensor }) => tensor)).toEqual([other.weight, other.bias, target]);
    expect(graph.nodes.map(({ op, module }) => [op, module])).toEqual([
      ['linear', 'inner'],
      ['linear', ''],
      ['concat', ''],
      ['reshape', ''],
      ['sub', ''],
      ['concat', ''],
      ['mseLoss', ''],
    ]);
  });

  it('are no random numbers', async () => {
    class Noisy extends Module {
      readonly source = generator('noise');
      forward(x: Tensor): Tensor {
        return add(x, randn([2], { generator: this.source }));
      }
    }
    const error = await failure(() => trace(new Noisy(), zeros([2])));
    expect(error).toBeInstanceOf(TapeError);
    expect(error.message).toMatch(/^randn: /);
  });
});
