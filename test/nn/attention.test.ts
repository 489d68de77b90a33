import {
  add,
  clone,
  compile,
  ConfigError,
  DTypeError,
  full,
  Generator,
  heapStats,
  manualSeed,
  mul,
  randn,
  Scope,
  ShapeError,
  slice,
  sum,
  Tape,
  tensor,
  trace,
  tril,
  zeros,
  type Tensor,
} from '@unfold/core';
import {
  LayerNorm,
  mseLoss,
  MultiheadAttention,
  PositionalEncoding,
  scaledDotProductAttention,
  TransformerEncoder,
  TransformerEncoderLayer,
} from '@unfold/nn';
import { SGD } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { onEveryEngine } from '../support/convolutions/engines.js';
import { gradchecks } from '../support/gradchecks.js';
import { call, make, refuseMisuses } from '../support/misuse.js';

/** The numbers of a tensor, of its last axis those from `from` on. */
const numbers = (x: Tensor): number[] => [...x.toTypedArray()].map(Number);

const bool = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(rows.flat(), [rows.length, rows[0]?.length ?? 0], { dtype: 'bool' });

describe('gradcheck of attention', () => {
  const random = (seed: number, ...shape: number[]): Tensor =>
    randn(shape, { dtype: 'float64', generator: new Generator(seed), requiresGrad: true });
  const operands = (): [Tensor, Tensor, Tensor] => [
    random(1, 2, 3, 4),
    random(2, 2, 5, 4),
    random(3, 2, 5, 3),
  ];
  const mask = (): Tensor =>
    bool([
      [1, 0, 1, 1, 0],
      [0, 0, 0, 0, 0],
      [0, 1, 1, 1, 1],
    ]);

  it.each([
    ['all keys', () => ({})],
    ['a causal mask', () => ({ isCausal: true })],
    ['a bool mask with a row without keys', () => ({ attnMask: mask() })],
    ['a factor', () => ({ scale: 0.3 })],
  ])('%s', (_name, options) => {
    using _scope = new Scope();
    const given = options();
    gradchecks((q, k, v) => scaledDotProductAttention(q, k, v, given), operands());
  });

  it('a float mask, by the mask too', () => {
    using _scope = new Scope();
    gradchecks(
      (q, k, v, attnMask) => scaledDotProductAttention(q, k, v, { attnMask }),
      [...operands(), random(4, 3, 5)],
    );
  });

  it('keys and values that are broadcast', () => {
    using _scope = new Scope();
    gradchecks(
      (q, k, v) => scaledDotProductAttention(q, k, v),
      [random(1, 2, 3, 4), random(2, 5, 4), random(3, 5, 3)],
    );
  });

  it('heads, by inputs and parameters', () => {
    using _scope = new Scope();
    const attention = new MultiheadAttention(4, 2, { kdim: 3, dtype: 'float64' });
    gradchecks(
      (query, key, value) => {
        const [output, weights] = attention.forward(query, key, value);
        return add(sum(output), sum(mul(weights ?? output, weights ?? output)));
      },
      [random(1, 3, 2, 4), random(2, 3, 2, 3), random(3, 3, 2, 4), ...attention.parameters()],
    );
    attention.dispose();
  });

  it.each([false, true])(
    'a layer of an encoder, by x and parameters; normFirst %s',
    (normFirst) => {
      using _scope = new Scope();
      const layer = new TransformerEncoderLayer(4, 2, {
        dimFeedforward: 3,
        activation: 'gelu',
        dropout: 0,
        normFirst,
        dtype: 'float64',
      });
      gradchecks(
        (x) => layer.forward(x, { isCausal: true }),
        [random(5, 3, 2, 4), ...layer.parameters()],
      );
      layer.dispose();
    },
  );
});

onEveryEngine('attention', ({ dtype }) => {
  const random = (seed: number, ...shape: number[]): Tensor =>
    randn(shape, { dtype, generator: new Generator(seed) });

  it('is the mean of the values, weighted by the softmax of the scores', () => {
    using _scope = new Scope();
    const q = tensor([2, 0], [1, 2], { dtype });
    const k = tensor([0, 5, Math.log(3), 7], [2, 2], { dtype });
    const v = tensor([4, 8], [2, 1], { dtype });
    // Scores of 0 and 2·ln 3·½.
    const out = scaledDotProductAttention(q, k, v, { scale: 0.5 });
    expectClose(numbers(out), [(1 * 4 + 3 * 8) / 4], { rtol: 1e-6, atol: 0 });
    const usual = scaledDotProductAttention(q, k, v);
    const factor = 3 ** Math.SQRT2;
    expectClose(numbers(usual), [(4 + factor * 8) / (1 + factor)], { rtol: 1e-6, atol: 0 });
  });

  it('gives 0, and gradients of 0, to a query without keys', () => {
    using tape = new Tape();
    const inputs = [random(1, 2, 3), random(2, 4, 3), random(3, 4, 3)] as const;
    for (const input of inputs) input.requiresGrad = true;
    const rows = [
      [0, 0, 0, 0],
      [1, 1, 0, 1],
    ];
    const floats = rows.flat().map((takesPart) => (takesPart ? 0 : -Infinity));
    const masks = [bool(rows), tensor(floats, [2, 4], { dtype })];
    const outs = masks.map((attnMask) => scaledDotProductAttention(...inputs, { attnMask }));
    expect(outs.map((out) => numbers(out).slice(0, 3))).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(numbers(outs[0] ?? zeros([]))).toEqual(numbers(outs[1] ?? zeros([])));
    tape.backward(outs.map((out) => sum(out)).reduce((a, b) => add(a, b)));
    const [q, k, v] = inputs.map(({ grad }) => numbers(grad ?? zeros([])));
    expect(q?.slice(0, 3)).toEqual([0, 0, 0]);
    expect([q, k, v].flat().every((value) => Number.isFinite(value))).toBe(true);
    // The third key takes part nowhere.
    expect([...(k ?? []).slice(6, 9), ...(v ?? []).slice(6, 9)]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('without keys gives 0, without queries nothing, with one key its value', () => {
    using _scope = new Scope();
    const of = (L: number, S: number): Tensor =>
      scaledDotProductAttention(random(1, 2, L, 4), random(2, 2, S, 4), random(3, 2, S, 3));
    expect(numbers(of(2, 0))).toEqual(new Array(12).fill(0));
    expect(of(0, 3).shape).toEqual([2, 0, 3]);
    const v = numbers(random(3, 2, 1, 3));
    expect(numbers(of(1, 1))).toEqual(v);
    const nobody = zeros([0, 2, 4], { dtype });
    const none = scaledDotProductAttention(nobody, random(1, 3, 4), random(2, 3, 3));
    expect(none.shape).toEqual([0, 2, 3]);
  });

  it('carries NaN and ∞ of a query into its own row alone', () => {
    using _scope = new Scope();
    const q = tensor([NaN, 1, Infinity, 1, 0.5, 1], [3, 2], { dtype });
    const out = numbers(scaledDotProductAttention(q, random(2, 4, 2), full([4, 1], 3, { dtype })));
    expect(out.slice(0, 2)).toEqual([NaN, NaN]);
    expectClose(out.slice(2), [3], { rtol: 1e-6, atol: 0 });
  });

  it('with isCausal is that of a triangular mask, bit by bit', () => {
    using _scope = new Scope();
    const operands = [random(1, 2, 4, 3), random(2, 2, 5, 3), random(3, 2, 5, 3)] as const;
    const triangle = tensor(numbers(tril(full([4, 5], 1))), [4, 5], { dtype: 'bool' });
    const masked = scaledDotProductAttention(...operands, { attnMask: triangle });
    const causal = scaledDotProductAttention(...operands, { isCausal: true });
    expect(numbers(causal)).toEqual(numbers(masked));
  });

  it('of a causal encoder: a later token changes no earlier output', () => {
    using _scope = new Scope();
    const layer = (): TransformerEncoderLayer =>
      new TransformerEncoderLayer(8, 2, { dimFeedforward: 5, dropout: 0, batchFirst: true, dtype });
    const encoder = new TransformerEncoder(layer, 2);
    const x = random(7, 3, 6, 8);
    const changed = clone(x);
    changed.update((data) => data.fill(9, 4 * 8, 5 * 8));
    const [before, after] = [x, changed].map((given) => encoder.forward(given, { isCausal: true }));
    const upTo = (out: Tensor | undefined, step: number): number[] =>
      numbers(
        slice(out ?? zeros([]), [
          [0, 1],
          [0, step],
        ]),
      );
    expect(upTo(after, 4)).toEqual(upTo(before, 4));
    expect(upTo(after, 5)).not.toEqual(upTo(before, 5));
    encoder.dispose();
  });

  it('by heads: keys that are left out might as well not be there', () => {
    using _scope = new Scope();
    const attention = new MultiheadAttention(6, 3, { batchFirst: true, dtype }).eval();
    const [query, keys] = [random(1, 2, 4, 6), random(2, 2, 5, 6)];
    const fewer = slice(keys, [null, [0, 3]]);
    const [wanted, fewerWeights] = attention.forward(query, fewer, fewer);
    const padding = bool([
      [0, 0, 0, 1, 1],
      [0, 0, 0, 1, 1],
    ]);
    const attnMask = bool(Array.from({ length: 4 }, () => [0, 0, 0, 1, 1]));
    const floats = [0, 0, 0, -Infinity, -Infinity];
    const everyWay = [
      { keyPaddingMask: padding },
      { attnMask },
      { keyPaddingMask: padding, attnMask },
      { keyPaddingMask: tensor([...floats, ...floats], [2, 5], { dtype }), attnMask },
    ];
    for (const masks of everyWay) {
      const [output, weights] = attention.forward(query, keys, keys, masks);
      const close = { rtol: 1e-5, atol: 1e-6 };
      expectClose(numbers(output), numbers(wanted), close);
      expect(weights?.shape).toEqual([2, 4, 5]);
      expectClose(
        numbers(slice(weights ?? output, [null, null, [0, 3]])),
        numbers(fewerWeights ?? wanted),
        close,
      );
    }
    attention.dispose();
  });

  it('by heads: isCausal beside padding leaves out both', () => {
    using _scope = new Scope();
    const attention = new MultiheadAttention(4, 2, { dtype });
    const x = random(1, 3, 1, 4);
    const keyPaddingMask = bool([[1, 0, 0]]);
    const [output, weights] = attention.forward(x, x, x, { keyPaddingMask, isCausal: true });
    const seen = numbers(weights ?? output).map((value) => (value > 0 ? 1 : 0));
    expect(seen).toEqual([0, 0, 0, 0, 1, 0, 0, 1, 1]);
    expect(numbers(output).every((value) => Number.isFinite(value))).toBe(true);
    attention.dispose();
  });

  it('adds sines and cosines of the positions', () => {
    using _scope = new Scope();
    const encoding = new PositionalEncoding(5, { maxLen: 7, dropout: 0, dtype });
    const at = (t: number): number[] =>
      Array.from({ length: 5 }, (_, i) => {
        const phase = t / 10_000 ** ((2 * Math.floor(i / 2)) / 5);
        return i % 2 === 0 ? Math.sin(phase) : Math.cos(phase);
      });
    const close = { rtol: 1e-6, atol: 1e-7 };
    expectClose(numbers(encoding.forward(zeros([3, 5], { dtype }))), [0, 1, 2].flatMap(at), close);
    const first = encoding.forward(zeros([2, 3, 5], { dtype }));
    expectClose(numbers(first), [0, 0, 0, 1, 1, 1].flatMap(at), close);
    const batched = new PositionalEncoding(5, { maxLen: 7, dropout: 0, batchFirst: true, dtype });
    const second = batched.forward(full([2, 7, 5], 1, { dtype }));
    const rows = [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6].flatMap(at).map((value) => value + 1);
    expectClose(numbers(second), rows, close);
    expect([...encoding.stateDict()].map(([name, { shape }]) => [name, shape])).toEqual([
      ['pe', [7, 1, 5]],
    ]);
    encoding.dispose();
    batched.dispose();
  });
});

describe('attention', () => {
  it('drops weights in training alone, the same for a seed', () => {
    using _scope = new Scope();
    const attention = new MultiheadAttention(4, 2, { dropout: 0.5 });
    const x = randn([6, 3, 4], { generator: new Generator(1) });
    const weightsOf = (): number[] => {
      manualSeed(3);
      const [, weights] = attention.forward(x, x, x, { averageAttnWeights: false });
      return numbers(weights ?? zeros([]));
    };
    const dropped = weightsOf();
    expect(weightsOf()).toEqual(dropped);
    attention.eval();
    const kept = weightsOf();
    expect(dropped.filter((value) => value === 0).length).toBeGreaterThan(50);
    dropped.forEach((value, i) => {
      if (value !== 0) expect(value).toBeCloseTo(2 * (kept[i] ?? 0), 6);
    });
    attention.dispose();
  });

  it('leaves nothing behind in a scope but its result', () => {
    using _scope = new Scope();
    const [q, k, v] = [randn([2, 3, 4]), randn([2, 5, 4]), randn([2, 5, 4])];
    const attnMask = bool(Array.from({ length: 3 }, () => [1, 0, 1, 1, 0]));
    const before = heapStats().liveTensors;
    scaledDotProductAttention(q, k, v, { attnMask, dropoutP: 0.5 });
    scaledDotProductAttention(q, k, v, { isCausal: true });
    expect(heapStats().liveTensors).toBe(before + 2);
  });

  it('compiled gives the bits of a training step, dropout and masks included', () => {
    const train = (isCompiled: boolean): number[] => {
      manualSeed(5);
      const layer = (): TransformerEncoderLayer =>
        new TransformerEncoderLayer(8, 2, { dimFeedforward: 7, batchFirst: true });
      const encoder = new TransformerEncoder(layer, 2, { norm: new LayerNorm(8) });
      const optimizer = new SGD(encoder.parameters(), { lr: 0.1 });
      const step = (x: Tensor, srcKeyPaddingMask: Tensor): Tensor =>
        Tape.run((tape) => {
          const out = encoder.forward(x, { srcKeyPaddingMask, isCausal: true });
          const loss = mseLoss(out, x);
          optimizer.zeroGrad();
          tape.backward(loss);
          optimizer.step();
          return loss;
        });
      const run = isCompiled ? compile(step, { modules: [encoder] }) : step;
      const x = randn([3, 4, 8]);
      const padding = bool([
        [0, 0, 0, 1],
        [0, 0, 0, 0],
        [1, 0, 0, 1],
      ]);
      const losses = [1, 2, 3, 4].map(() => run(x, padding).item());
      encoder.dispose();
      optimizer.dispose();
      return losses;
    };
    Scope.run(() => expect(train(true)).toEqual(train(false)));
  });

  it('of a layer of an encoder is one node of its graph, which gives the same', () => {
    using _scope = new Scope();
    const layer = new TransformerEncoderLayer(4, 2, { dimFeedforward: 3, dropout: 0 });
    const x = randn([3, 2, 4]);
    const graph = trace(layer, x);
    const names = graph.nodes.map(({ op }) => op);
    expect(names.filter((op) => op === 'scaledDotProductAttention')).toHaveLength(1);
    expect(names.filter((op) => op === 'linear')).toHaveLength(4);
    expect(names).not.toContain('softmax');
    expect(numbers(graph.run(x))).toEqual(numbers(layer.forward(x)));
    layer.dispose();
  });

  it('has the parameters that its options ask for, by PyTorch’s names and in its order', () => {
    const shapes = (options: object): unknown =>
      [...new MultiheadAttention(4, 2, options).stateDict()].map(([name, { shape }]) => [
        name,
        ...shape,
      ]);
    expect(shapes({})).toEqual([
      ['in_proj_weight', 12, 4],
      ['in_proj_bias', 12],
      ['out_proj.weight', 4, 4],
      ['out_proj.bias', 4],
    ]);
    expect(shapes({ kdim: 3, vdim: 5 })).toEqual([
      ['q_proj_weight', 4, 4],
      ['k_proj_weight', 4, 3],
      ['v_proj_weight', 4, 5],
      ['in_proj_bias', 12],
      ['out_proj.weight', 4, 4],
      ['out_proj.bias', 4],
    ]);
    expect(shapes({ bias: false, kdim: null })).toEqual([
      ['in_proj_weight', 12, 4],
      ['out_proj.weight', 4, 4],
    ]);
    const encoder = new TransformerEncoder(() => new TransformerEncoderLayer(4, 2), 2, {
      norm: new LayerNorm(4),
    });
    expect([...encoder.stateDict().keys()].slice(10)).toEqual([
      'layers.0.norm2.weight',
      'layers.0.norm2.bias',
      'layers.1.self_attn.in_proj_weight',
      'layers.1.self_attn.in_proj_bias',
      'layers.1.self_attn.out_proj.weight',
      'layers.1.self_attn.out_proj.bias',
      'layers.1.linear1.weight',
      'layers.1.linear1.bias',
      'layers.1.linear2.weight',
      'layers.1.linear2.bias',
      'layers.1.norm1.weight',
      'layers.1.norm1.bias',
      'layers.1.norm2.weight',
      'layers.1.norm2.bias',
      'norm.weight',
      'norm.bias',
    ]);
    encoder.dispose();
  });

  it('starts its projection by Glorot’s uniform and its biases at 0', () => {
    const attention = new MultiheadAttention(30, 2);
    const [weight, bias] = [...attention.parameters()].map(numbers);
    const bound = Math.sqrt(6 / 120);
    const largest = Math.max(...(weight ?? []).map(Math.abs));
    expect(largest).toBeLessThanOrEqual(Math.fround(bound));
    expect(largest).toBeGreaterThan(0.99 * bound);
    expect(bias).toEqual(new Array(90).fill(0));
    expect(numbers(attention.out_proj.bias ?? zeros([1]))).toEqual(new Array(30).fill(0));
    attention.dispose();
  });

  it('shows its modules as PyTorch does', () => {
    const layer = new TransformerEncoderLayer(4, 2, { dimFeedforward: 8 });
    expect(String(layer).split('\n').slice(0, 5)).toEqual([
      'TransformerEncoderLayer(',
      '  (self_attn): MultiheadAttention(',
      '    (out_proj): Linear(inFeatures=4, outFeatures=4, bias=true)',
      '  )',
      '  (linear1): Linear(inFeatures=4, outFeatures=8, bias=true)',
    ]);
    layer.dispose();
  });
});

describe('attention refuses', () => {
  const x = (): Tensor => zeros([2, 3, 4]);
  const OPTIONS = 'attnMask, dropoutP, isCausal, scale';
  refuseMisuses([
    [
      'a mask with more axes than the scores',
      () => scaledDotProductAttention(x(), x(), x(), { attnMask: zeros([7, 2, 3, 3]) }),
      ShapeError,
      'scaledDotProductAttention: expected attnMask in a shape that broadcasts to the scores [2,3,3], got [7,2,3,3]',
    ],
    [
      'the padding of one sequence with a batch axis',
      () =>
        new MultiheadAttention(4, 2).forward(zeros([3, 4]), zeros([3, 4]), zeros([3, 4]), {
          keyPaddingMask: zeros([1, 3], { dtype: 'bool' }),
        }),
      ShapeError,
      'MultiheadAttention: expected keyPaddingMask [3] for one sequence, got [1,3]',
    ],
    [
      'an array',
      () => call(scaledDotProductAttention, [1], x(), x()),
      DTypeError,
      'scaledDotProductAttention: expected a tensor for q, got [1]; tensor(data) makes one',
    ],
    [
      'PyTorch’s name of an option',
      () => call(scaledDotProductAttention, x(), x(), x(), { is_causal: true }),
      ConfigError,
      `scaledDotProductAttention: unknown option 'is_causal'; did you mean isCausal? The options are ${OPTIONS}`,
    ],
    [
      'a mask in the place of options',
      () => call(scaledDotProductAttention, x(), x(), x(), zeros([3, 3])),
      ConfigError,
      `scaledDotProductAttention: expected options as an object, such as { attnMask: … }, got a float32 tensor [3,3]; the options are ${OPTIONS}`,
    ],
    [
      'a mask of integers',
      () =>
        scaledDotProductAttention(x(), x(), x(), { attnMask: zeros([3, 3], { dtype: 'int32' }) }),
      DTypeError,
      "scaledDotProductAttention: expected attnMask to be bool or float32, got int32 tensor [3,3]; cast(attnMask, 'bool') converts",
    ],
    [
      'both masks',
      () => scaledDotProductAttention(x(), x(), x(), { attnMask: zeros([3, 3]), isCausal: true }),
      ConfigError,
      'scaledDotProductAttention: expected attnMask or isCausal, got both; put the causal part into the mask',
    ],
    [
      'keys of another width',
      () => scaledDotProductAttention(x(), zeros([2, 3, 5]), x()),
      ShapeError,
      'scaledDotProductAttention: expected q […,L,E], k […,S,E] and v […,S,Ev], got [2,3,4], [2,3,5] and [2,3,4]',
    ],
    [
      'a vector',
      () => scaledDotProductAttention(zeros([4]), x(), x()),
      ShapeError,
      'scaledDotProductAttention: expected q […,L,E], k […,S,E] and v […,S,Ev], got [4], [2,3,4] and [2,3,4]',
    ],
    [
      'mixed dtypes',
      () => scaledDotProductAttention(x(), x(), zeros([2, 3, 4], { dtype: 'float64' })),
      DTypeError,
      'scaledDotProductAttention: expected q, k and v of one dtype, got float32, float32 and float64; cast(x, dtype) converts',
    ],
    [
      'heads that do not divide the width',
      () => make(MultiheadAttention, 6, 4),
      ConfigError,
      'MultiheadAttention: expected an embedDim that the heads divide, got 6 and 4 heads',
    ],
    [
      'a width of keys that is none',
      () => make(MultiheadAttention, 6, 3, { kdim: 0 }),
      ConfigError,
      'MultiheadAttention: expected positive integers for kdim and vdim, got 0 and 6',
    ],
    [
      'batch_first',
      () => make(MultiheadAttention, 6, 3, { batch_first: true }),
      ConfigError,
      "MultiheadAttention: unknown option 'batch_first'; did you mean batchFirst? The options are dropout, bias, kdim, vdim, batchFirst, dtype",
    ],
    [
      'another order of the axes',
      () =>
        new MultiheadAttention(4, 2).forward(zeros([3, 2, 4]), zeros([2, 5, 4]), zeros([2, 5, 4])),
      ShapeError,
      'MultiheadAttention: expected query [L,N,4], key [S,N,4] and value [S,N,4], got [3,2,4], [2,5,4] and [2,5,4]; batchFirst says which axis is the batch',
    ],
    [
      'a padding mask of another shape',
      () =>
        new MultiheadAttention(4, 2).forward(x(), x(), x(), {
          keyPaddingMask: zeros([2, 3], { dtype: 'bool' }),
        }),
      ShapeError,
      'MultiheadAttention: expected keyPaddingMask [3,2], got [2,3]',
    ],
    [
      'a mask of another number of heads',
      () => new MultiheadAttention(4, 2).forward(x(), x(), x(), { attnMask: zeros([3, 2, 2]) }),
      ShapeError,
      'MultiheadAttention: expected attnMask [6,2,2], got [3,2,2]',
    ],
    [
      'a forward without keys',
      () => call(MultiheadAttention.prototype.forward.bind(new MultiheadAttention(4, 2)), x()),
      DTypeError,
      'MultiheadAttention: expected a tensor for key, got undefined',
    ],
    [
      'an activation that is none',
      () => make(TransformerEncoderLayer, 4, 2, { activation: 'tanh' }),
      ConfigError,
      "TransformerEncoderLayer: activation must be 'relu' or 'gelu', got 'tanh'",
    ],
    [
      'a layer in place of what makes layers',
      () => make(TransformerEncoder, new TransformerEncoderLayer(4, 2), 2),
      ConfigError,
      'TransformerEncoder: expected a function that makes a TransformerEncoderLayer, got a TransformerEncoderLayer; write () => new TransformerEncoderLayer(…)',
    ],
    [
      'a function that makes something else',
      () => make(TransformerEncoder, () => new LayerNorm(4), 2),
      ConfigError,
      'TransformerEncoder: expected a function that makes a TransformerEncoderLayer, got one that makes a LayerNorm',
    ],
    [
      'a norm that is none',
      () => make(TransformerEncoder, () => new TransformerEncoderLayer(4, 2), 2, { norm: true }),
      ConfigError,
      'TransformerEncoder: norm must be a LayerNorm, or null for none, got true',
    ],
    [
      'a sequence that is too long',
      () => new PositionalEncoding(4, { maxLen: 5 }).forward(zeros([6, 1, 4])),
      ShapeError,
      'PositionalEncoding: expected x [L,N,4] with L up to maxLen, 5, got float32 tensor [6,1,4]',
    ],
  ]);
});
