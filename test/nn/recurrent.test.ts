import {
  compile,
  configureEngine,
  DTypeError,
  findLeaks,
  heapStats,
  manualSeed,
  ones,
  Scope,
  select,
  ShapeError,
  sum,
  Tape,
  tensor,
  trace,
  zeros,
  type Tensor,
} from '@unfold/core';
import { GRU, GRUCell, LSTM, LSTMCell, Module, RNN, RNNCell } from '@unfold/nn';
import { SGD } from '@unfold/train';
import { afterAll, describe, expect, it } from 'vitest';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';
import { draw, makeRecurrent, score } from '../support/recurrent.js';
import { refuse } from '../support/refuse.js';

const KINDS = ['RNN', 'LSTM', 'GRU', 'RNNCell', 'LSTMCell', 'GRUCell'] as const;
const LAYERS = ['RNN', 'LSTM', 'GRU'] as const;

const bytes = (x: Tensor): string => Buffer.from(x.toTypedArray().buffer).toString('hex');

/** x, first states and parameters of a layer, and a number that depends on all results. */
function gradcheckOf(
  kind: (typeof KINDS)[number],
  options: Parameters<typeof makeRecurrent>[3],
  x: readonly number[],
  state: readonly number[] | null,
): void {
  using _scope = new Scope();
  manualSeed(5);
  const { module, call } = makeRecurrent(kind, 2, 3, { ...options, dtype: 'float64' });
  const states = state
    ? Array.from({ length: kind.startsWith('LSTM') ? 2 : 1 }, (_, i) =>
        draw(2 + i, 'float64', ...state),
      )
    : [];
  const inputs = [draw(1, 'float64', ...x), ...states];
  for (const input of inputs) input.requiresGrad = true;
  const [first, ...others] = inputs;
  if (!first) throw new Error('there is an input');
  gradchecks(() => score(call(first, others)), [...inputs, ...module.parameters()]);
  module.dispose();
}

describe('gradients, and gradients of gradients', () => {
  it.each(KINDS)('%s, by input, states and weights', (kind) => {
    const isCell = kind.endsWith('Cell');
    gradcheckOf(kind, {}, isCell ? [2, 2] : [3, 2, 2], isCell ? [2, 3] : [1, 2, 3]);
  });

  it.each(LAYERS)('%s of two layers in both directions, from zeros', (kind) => {
    gradcheckOf(kind, { numLayers: 2, bidirectional: true, batchFirst: true }, [1, 2, 2], null);
  });

  it.each(LAYERS)('%s without biases, of one sequence', (kind) => {
    gradcheckOf(kind, { bias: false }, [3, 2], [1, 3]);
  });

  it('of an RNN with relu', () => {
    gradcheckOf('RNN', { nonlinearity: 'relu' }, [3, 2, 2], [1, 2, 3]);
  });

  it('of a weight that stands in two places', () => {
    using _scope = new Scope();
    manualSeed(5);
    const layer = new GRU(3, 3, { dtype: 'float64' });
    const weight = layer.weight_ih_l0;
    if (!weight) throw new Error('there is a weight');
    layer.weight_hh_l0?.dispose();
    layer.weight_hh_l0 = weight;
    const x = draw(1, 'float64', 2, 2, 3);
    gradchecks(() => score(layer.forward(x)), [weight]);
    layer.dispose();
  });
});

onEveryEngine('recurrent layers', ({ dtype }) => {
  it.each(LAYERS)('%s takes no sequences, and sequences of one step', (kind) => {
    using tape = new Tape();
    const { module, call } = makeRecurrent(kind, 2, 3, { dtype });
    const none = call(zeros([4, 0, 2], { dtype }), []);
    expect(none.map(({ shape }) => shape)).toEqual([
      [4, 0, 3],
      ...none.slice(1).map(() => [1, 0, 3]),
    ]);
    tape.backward(score(none));
    expect(sum(module.stateDict().get('weight_hh_l0')?.grad ?? ones([1])).item()).toBe(0);
    const [output, last] = call(draw(1, dtype, 1, 2, 2), []);
    expect(output?.toTypedArray()).toEqual(last?.toTypedArray());
    module.dispose();
  });

  it.each(LAYERS)('%s: a NaN stays in its sequence, and behind its step', (kind) => {
    using _scope = new Scope();
    const { module, call } = makeRecurrent(kind, 2, 3, { dtype });
    const x = draw(1, dtype, 3, 2, 2);
    x.update((data) => (data[1 * 4 + 2] = NaN)); // The second step of the second sequence.
    const [output] = call(x, []);
    if (!output) throw new Error('there is an output');
    const isNaN = (t: number, n: number): boolean =>
      [...select(select(output, 0, t), 0, n).toTypedArray()].every(Number.isNaN);
    const found = [0, 1, 2].map((t) => [isNaN(t, 0), isNaN(t, 1)]);
    expect(found).toEqual([
      [false, false],
      [false, true],
      [false, true],
    ]);
    expect([...select(output, 1, 0).toTypedArray()].every(Number.isFinite)).toBe(true);
    module.dispose();
  });

  it('gates that are far from 0 are open or shut', () => {
    using _scope = new Scope();
    const layer = new GRU(1, 1, { dtype });
    for (const parameter of layer.parameters()) parameter.update((data) => data.fill(0));
    const h = tensor([0.25], [1, 1, 1], { dtype });
    const ends = [Infinity, 1000, -1000, -Infinity].map((z) => {
      layer.bias_ih_l0?.update((data) => data.set([0, z, 3]));
      return layer.forward(zeros([1, 1, 1], { dtype }), h)[1].item();
    });
    const candidate = tensor(Math.tanh(3), undefined, { dtype }).item();
    [0.25, 0.25, candidate, candidate].forEach((end, i) => expect(ends[i]).toBeCloseTo(end, 6));
    layer.dispose();
  });

  it.each(LAYERS)('%s: dropout between layers, in training alone', (kind) => {
    using _scope = new Scope();
    const { module, call } = makeRecurrent(kind, 2, 3, { numLayers: 2, dropout: 1, dtype });
    const x = draw(1, dtype, 3, 2, 2);
    const of = (input: Tensor): string => bytes(call(input, [])[0] ?? input);
    // The second layer sees nothing of x.
    expect(of(x)).toBe(of(draw(2, dtype, 3, 2, 2)));
    module.eval();
    expect(of(x)).not.toBe(of(draw(2, dtype, 3, 2, 2)));
    module.dispose();
  });

  it.each(KINDS)(
    '%s: a forward outside of any scope keeps its results and nothing else',
    (kind) => {
      const { module, call } = makeRecurrent(kind, 2, 3, { dtype });
      const x = draw(1, dtype, ...(kind.endsWith('Cell') ? [4, 2] : [5, 4, 2]));
      const before = heapStats();
      const results = call(x, []);
      expect(heapStats().liveTensors).toBe(before.liveTensors + results.length);
      for (const result of results) result.dispose();
      expect(heapStats().usedBytes).toBe(before.usedBytes);
      for (const owner of [module, x]) owner.dispose();
    },
  );

  it.each(LAYERS)('%s: a step leaves the gradients behind, and nothing else', async (kind) => {
    const { module, call } = makeRecurrent(kind, 2, 3, { dtype, bidirectional: true });
    const x = draw(1, dtype, 5, 4, 2);
    const leaks = await findLeaks(() => {
      using tape = new Tape();
      tape.backward(score(call(x, [])));
    });
    expect(leaks.length).toBe([...module.parameters()].length);
    for (const owner of [module, x]) owner.dispose();
  });

  it.each(LAYERS)('%s: compiled, steps have the bits of eager ones', (kind) => {
    const run = (isCompiled: boolean): unknown => {
      manualSeed(7);
      const options = { numLayers: 2, bidirectional: true, batchFirst: true, dropout: 0.3, dtype };
      const { module, call } = makeRecurrent(kind, 4, 6, options);
      const optimizer = new SGD(module.parameters(), { lr: 0.1 });
      const step = (x: Tensor): Tensor =>
        Tape.run((tape) => {
          const loss = score(call(x, []));
          optimizer.zeroGrad();
          tape.backward(loss);
          optimizer.step();
          return loss;
        });
      const fast = isCompiled ? compile(step, { modules: [module] }) : step;
      const losses = Array.from({ length: 4 }, (_, i) =>
        Scope.run(() => bytes(fast(draw(i, dtype, 3, 5, 4)))),
      );
      const ends = [...module.parameters()].map(bytes);
      for (const owner of [module, optimizer]) owner.dispose();
      return [losses, ends];
    };
    expect(run(true)).toEqual(run(false));
  });
});

describe('the bits of a step', () => {
  afterAll(async () => {
    await configureEngine({});
  });

  it('do not depend on the number of threads', async () => {
    const run = async (threads: number): Promise<readonly string[]> => {
      await configureEngine({ threads });
      using tape = new Tape();
      manualSeed(3);
      const layer = new GRU(40, 70);
      const x = draw(1, 'float32', 6, 130, 40);
      tape.backward(score(layer.forward(x)));
      const found = [...layer.parameters()].map(({ grad }) => (grad ? bytes(grad) : ''));
      layer.dispose();
      return found;
    };
    expect(await run(2)).toEqual(await run(1));
  });
});

describe('trace', () => {
  it.each(KINDS)('%s is a node for each direction of each layer', (kind) => {
    using _scope = new Scope();
    const isCell = kind.endsWith('Cell');
    const options = isCell ? {} : { numLayers: 2, bidirectional: true };
    const { module, call } = makeRecurrent(kind, 2, 3, options);
    const sized = (seed: number): Tensor => draw(seed, 'float32', ...(isCell ? [4, 2] : [5, 4, 2]));
    class Net extends Module {
      readonly layer = module;
      forward(x: Tensor): Tensor {
        return score(call(x, []));
      }
    }
    const net = new Net();
    const graph = trace(net, sized(1));
    const name = kind
      .replace('Cell', '')
      .replace('RNN', 'rnnTanh')
      .replace(/^[A-Z]+$/, (word) => word.toLowerCase());
    const nodes = graph.nodes.filter(({ op }) => op === name);
    expect(nodes.length).toBe(isCell ? 1 : 4);
    const x = sized(2);
    expect(bytes(graph.run(x))).toBe(bytes(net.forward(x)));
    module.dispose();
  });
});

describe('recurrent layers refuse', () => {
  const gru = new GRU(2, 3, { numLayers: 2, bidirectional: true });
  const first = new GRU(2, 3, { batchFirst: true });
  const cell = new LSTMCell(2, 3);
  const lstm = new LSTM(2, 3);
  afterAll(() => [gru, first, cell, lstm].forEach((module) => module.dispose()));
  const x = (): Tensor => zeros([5, 4, 2]);
  refuse({
    'another input size': [
      () => gru.forward(zeros([5, 4, 3])),
      ShapeError,
      'GRU: expected x [L,N,2], or [L,2] for one sequence, got [5,4,3]',
    ],
    'a shape of four axes': [
      () => first.forward(zeros([5, 4, 3, 2])),
      ShapeError,
      'GRU: expected x [N,L,2], or [L,2] for one sequence, got [5,4,3,2]',
    ],
    'sequences of no step': [
      () => first.forward(zeros([5, 0, 2])),
      ShapeError,
      'GRU: expected sequences of one step at least, got float32 tensor [5,0,2]',
    ],
    'first states of another shape': [
      () => gru.forward(x(), zeros([2, 4, 3])),
      ShapeError,
      'GRU: expected h [4,4,3], got [2,4,3]',
    ],
    'first states of a batch for one sequence': [
      () => lstm.forward(zeros([5, 2]), [zeros([1, 3]), zeros([1, 1, 3])]),
      ShapeError,
      'LSTM: expected c [1,3], got [1,1,3]',
    ],
    'another dtype': [
      () => gru.forward(zeros([5, 4, 2], { dtype: 'float64' })),
      DTypeError,
      "GRU: expected x of the weights' dtype float32, got float64 tensor [5,4,2]; cast(x, 'float32') converts",
    ],
    'a batch of sequences in a cell': [
      () => cell.forward(x()),
      ShapeError,
      'LSTMCell: expected x [N,2], or [2], got [5,4,2]',
    ],
    'a state of another batch': [
      () => cell.forward(zeros([5, 2]), [zeros([5, 3]), zeros([4, 3])]),
      ShapeError,
      'LSTMCell: expected c [5,3], got [4,3]',
    ],
  });
});

describe('initial weights', () => {
  it.each([
    ['RNN', () => new RNN(4, 25)],
    ['LSTM', () => new LSTM(4, 25, { numLayers: 2 })],
    ['GRU', () => new GRU(4, 25, { bidirectional: true })],
    ['RNNCell', () => new RNNCell(4, 25)],
    ['GRUCell', () => new GRUCell(4, 25)],
  ])('of %s are uniform in ±1/√H', (_, make) => {
    manualSeed(1);
    const layer = make();
    const values = [...layer.parameters()].flatMap((parameter) => [...parameter.toTypedArray()]);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.2);
    const square = values.reduce((total, value) => total + value * value, 0) / values.length;
    expect(Math.sqrt(square)).toBeCloseTo(0.2 / Math.sqrt(3), 2);
    layer.dispose();
  });
});
