import { readFileSync } from 'node:fs';
import {
  ConfigError,
  DTypeError,
  ones,
  ShapeError,
  tensor,
  type Tensor,
  UnfoldError,
  zeros,
} from '@unfold/core';
import {
  accuracy,
  type AccumulatingMetric,
  type AnyBatch,
  auc,
  f1,
  type F1Options,
  meanAbsoluteError,
  meanSquaredError,
  metricOf,
  rSquared,
  topK,
} from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { refuseMisuses } from '../support/misuse.js';

/* Metrics against scikit-learn, over any batches, and what they refuse. */

type Numbers = readonly number[] | readonly (readonly number[])[];

interface Case {
  readonly name: string;
  readonly output: Numbers;
  readonly targets: Numbers;
  readonly values: readonly {
    readonly metric: string;
    readonly options: { readonly k?: number } & F1Options;
    readonly value: number;
  }[];
}

const { cases } = JSON.parse(
  readFileSync(new URL('../fixtures/metrics.json', import.meta.url), 'utf8'),
) as {
  readonly cases: readonly Case[];
};

/** Float tensors, but for labels. */
function tensorOf(numbers: Numbers, { isOfLabels = false } = {}): Tensor {
  const rows = numbers.map((row) => (typeof row === 'number' ? [row] : row));
  const shape =
    typeof numbers[0] === 'number' ? [rows.length] : [rows.length, rows[0]?.length ?? 0];
  return tensor(rows.flat(), shape, { dtype: isOfLabels ? 'int32' : 'float32' });
}

/** The examples in batches of these sizes, and a last one of the rest. */
function* batchesOf(
  { output, targets, values }: Case,
  sizes: readonly number[],
): Iterable<{ readonly output: Tensor; readonly batch: { inputs: Tensor; targets: Tensor } }> {
  const isOfLabels = !values.some(({ metric }) => metric.startsWith('mean'));
  let start = 0;
  for (const size of [...sizes, output.length]) {
    const part = output.slice(start, start + size) as Numbers;
    if (part.length === 0) return;
    yield {
      output: tensorOf(part),
      batch: {
        inputs: zeros([part.length]),
        targets: tensorOf(targets.slice(start, start + size) as Numbers, { isOfLabels }),
      },
    };
    start += size;
  }
}

const MEANS: Readonly<
  Record<string, (options: { readonly k?: number }) => (output: Tensor, batch: AnyBatch) => number>
> = {
  accuracy: () => accuracy,
  topK: ({ k = 0 }) => topK(k),
  meanAbsoluteError: () => meanAbsoluteError,
  meanSquaredError: () => meanSquaredError,
};

const ACCUMULATING: Readonly<Record<string, (options: F1Options) => AccumulatingMetric<AnyBatch>>> =
  {
    f1,
    auc: () => auc(),
    rSquared: () => rSquared(),
  };

describe.each(cases)('$name', (given) => {
  it.each(given.values)('$metric $options is what scikit-learn gives', (expected) => {
    const { metric, options, value } = expected;
    for (const sizes of [[], [1, 2], [7, 3, 5]]) {
      const batches = [...batchesOf(given, sizes)];
      const mean = MEANS[metric]?.(options);
      const state = ACCUMULATING[metric]?.(options).create();
      let sum = 0;
      for (const { output, batch } of batches) {
        state?.update(output, batch);
        sum += (mean?.(output, batch) ?? 0) * (output.shape[0] ?? 0);
      }
      const found = state ? state.compute() : sum / given.output.length;
      expectClose([found], [value], { rtol: 1e-14, atol: 1e-15 });
    }
  });
});

const batch = (targets: Tensor): AnyBatch => ({ inputs: zeros([1]), targets });
const labels = (...values: number[]): Tensor => tensor(values, undefined, { dtype: 'int32' });
const logits = (...rows: number[][]): Tensor => tensor(rows);

describe('metrics of classes', () => {
  const rows = [
    [0, 2, 2],
    [1, 1, 1],
    [3, 0, 1],
    [NaN, 0, 0],
  ];

  it('count the first of equal logits, NaN above every number, and topK(1) as accuracy', () => {
    const given = batch(labels(1, 0, 2, 0));
    expect(accuracy(logits(...rows), given)).toBe(0.75);
    expect(topK(1)(logits(...rows.slice(0, 3)), batch(labels(1, 0, 2)))).toBe(2 / 3);
    expect(topK(2)(logits(...rows), batch(labels(2, 1, 1, 2)))).toBe(0.5);
  });

  it('take labels of images, of any dtype that holds them, and a single logit in any place', () => {
    const output = tensor([[1], [-1], [0], [2]]);
    for (const dtype of ['int32', 'uint8', 'bool', 'float32', 'float64'] as const) {
      const targets = tensor([1, 1, 0, 1], [4], { dtype });
      expect(accuracy(output, { images: ones([4, 1]), labels: targets })).toBe(0.75);
      expect(accuracy(output, batch(tensor([[1], [1], [0], [1]], undefined, { dtype })))).toBe(
        0.75,
      );
      const state = f1().create();
      state.update(output, batch(targets));
      expect(state.compute()).toBe(0.8);
    }
  });

  it('take many places of an example each for itself', () => {
    // [1, 2, 3]: three places of one example.
    const output = tensor([1, 5, 0, 0, 6, 7], [1, 2, 3]);
    const targets = labels(0, 1, 0);
    expect(accuracy(output, batch(tensor(targets.toTypedArray(), [1, 3])))).toBe(2 / 3);
    const state = f1({ average: 'micro' }).create();
    state.update(output, batch(tensor(targets.toTypedArray(), [1, 3])));
    expect(state.compute()).toBe(2 / 3);
  });

  it('f1 of two logits is that of class 1, unless it is asked for otherwise', () => {
    const output = logits([1, 0], [0, 1], [0, 1], [0, 1]);
    const given = batch(labels(0, 0, 1, 1));
    const scores = [{}, { average: 'binary' }, { labels: [0] }, { average: 'macro' }] as const;
    const found = scores.map((options) => {
      const state = f1(options).create();
      state.update(output, given);
      return state.compute();
    });
    expect(found).toEqual([0.8, 0.8, 2 / 3, (0.8 + 2 / 3) / 2]);
  });

  it('an F1 stays as it was made when its list of labels is changed later', () => {
    const wanted = [0];
    const metric = f1({ labels: wanted });
    wanted[0] = 1;
    const state = metric.create();
    state.update(logits([1, 0], [0, 1], [0, 1]), batch(labels(0, 0, 1)));
    expect(state.compute()).toBe(2 / 3);
  });
});

describe('a metric that accumulates', () => {
  const definitions = [
    ['f1', f1(), 'five classes'],
    ['f1', f1({ average: 'weighted', labels: [0, 2] }), 'five classes'],
    ['auc', auc(), 'three classes, examples that tie'],
    ['auc', auc(), 'one coarse logit'],
    ['rSquared', rSquared(), 'three numbers'],
  ] as const;

  it.each(definitions)(
    '%s %o goes on from the JSON of half an epoch with the same bits: %s',
    (_name, metric, name) => {
      const given = cases.find((one) => one.name === name);
      if (!given) throw new Error(`no case ${name}`);
      const batches = [...batchesOf(given, [5, 3, 8])];
      const whole = metric.create();
      for (const { output, batch: each } of batches) whole.update(output, each);
      for (let half = 0; half <= batches.length; half++) {
        const first = metric.create();
        for (const { output, batch: each } of batches.slice(0, half)) first.update(output, each);
        const second = metric.create();
        const other = batches[0];
        // What it held before counts no more.
        if (other) second.update(other.output, other.batch);
        second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())) as object as never);
        for (const { output, batch: each } of batches.slice(half)) second.update(output, each);
        expect(Object.is(second.compute(), whole.compute())).toBe(true);
        expect(second.stateDict()).toEqual(whole.stateDict());
      }
    },
  );

  it.each(definitions)('%s %o shares nothing between its states: %s', (_name, metric, name) => {
    const given = cases.find((one) => one.name === name);
    const [first] = given ? batchesOf(given, []) : [];
    if (!first) throw new Error(`no case ${name}`);
    const state = metric.create();
    const before = JSON.stringify(state.stateDict());
    metric.create().update(first.output, first.batch);
    expect(JSON.stringify(state.stateDict())).toBe(before);
    state.update(first.output, first.batch);
    const saved = JSON.stringify(state.stateDict());
    const kept = state.stateDict();
    state.update(first.output, first.batch);
    expect(JSON.stringify(kept)).toBe(saved);
  });

  it.each([
    [
      'f1',
      f1(),
      [
        {},
        null,
        5,
        { hits: [1], predicted: [1] },
        { hits: [1], predicted: [1.5], actual: [1] },
        { hits: [1, 2], predicted: [1], actual: [1] },
      ],
    ],
    ['f1 of labels', f1({ labels: [4] }), [{ hits: [1, 2], predicted: [1, 2], actual: [1, 2] }]],
    [
      'auc',
      auc(),
      [
        {},
        [],
        { examples: 2 },
        { examples: 2, columns: 1, dtype: 'float16', logits: '', labels: '' },
        { examples: 1, columns: 1, dtype: 'float32', logits: 'AAAA', labels: 'AAAAAA==' },
        { examples: 1, columns: 1, dtype: 'float32', logits: '§', labels: 'AAAAAA==' },
        { examples: 1, columns: 1, dtype: 'float32', logits: 7, labels: 'AAAAAA==' },
      ],
    ],
    [
      'rSquared',
      rSquared(),
      [
        {},
        'x',
        { examples: 2, means: [1], squares: [1] },
        { examples: 0, means: [1], squares: [1], errors: [1] },
        { examples: 2, means: [null], squares: [1], errors: [1] },
      ],
    ],
  ] as const)('%s refuses a state that is none, and is as before', (_name, metric, wrong) => {
    const state = metric.create();
    const before = JSON.stringify(state.stateDict());
    for (const given of wrong) {
      expect(() => state.loadStateDict(given as never)).toThrow(UnfoldError);
      expect(JSON.stringify(state.stateDict())).toBe(before);
    }
  });
});

/** A metric's state that has taken in these batches. */
function after(
  metric: AccumulatingMetric<AnyBatch>,
  ...given: readonly [Tensor, Tensor][]
): () => unknown {
  return () => {
    const state = metric.create();
    for (const [output, targets] of given) state.update(output, batch(targets));
    return state.compute();
  };
}

describe('what metrics refuse', () => {
  const two = logits([1, 2], [3, 4]);
  refuseMisuses([
    [
      'labels of another number',
      () => accuracy(two, batch(labels(0, 1, 1))),
      ShapeError,
      'accuracy: logits [2,2] expect labels [2], got int32 tensor [3]',
    ],
    [
      'probabilities for labels',
      () => accuracy(two, batch(ones([2, 2]))),
      ShapeError,
      'accuracy: logits [2,2] expect labels [2], got float32 tensor [2,2]',
    ],
    [
      'a label beyond the classes',
      after(f1(), [two, labels(0, 2)]),
      ShapeError,
      'f1: label 2 at element 1 is outside 0 … 1, the classes of logits [2,2]',
    ],
    [
      'a label that is no whole number',
      () => topK(1)(two, batch(tensor([0, 0.5]))),
      DTypeError,
      'topK: expected labels, whole numbers from 0, got 0.5 at element 1',
    ],
    [
      'a scalar',
      () => accuracy(ones([]), batch(labels(0))),
      ShapeError,
      'accuracy: expected logits [B, classes], or [B] or [B, 1] of two classes, got float32 tensor []',
    ],
    [
      'nothing',
      () => accuracy(zeros([0, 3]), { inputs: ones([1]), targets: zeros([0], { dtype: 'int32' }) }),
      ShapeError,
      'accuracy: expected at least one example, got logits float32 tensor [0,3]',
    ],
    [
      'integers for logits',
      after(auc(), [labels(0, 1), labels(0, 1)]),
      DTypeError,
      'auc: expected a float tensor, got int32 tensor [2]; cast it first',
    ],
    [
      'a batch without targets',
      () => accuracy(two, { inputs: two }),
      ConfigError,
      'accuracy: expected targets in the batch, got none; where the input is the target, metricOf(accuracy, (output, { inputs }) => ({ output, targets: inputs })) says so',
    ],
    [
      'the same for errors',
      () => meanSquaredError(two, { inputs: two }),
      ConfigError,
      'meanSquaredError: expected targets in the batch, got none; where the input is the target, metricOf(meanSquaredError, (output, { inputs }) => ({ output, targets: inputs })) says so',
    ],
    [
      'topK of as many classes',
      () => topK(2)(two, batch(labels(0, 1))),
      ConfigError,
      'topK: expected more than k = 2 classes, got 2: each label would be among them',
    ],
    [
      'topK of a single logit',
      () => topK(1)(ones([2]), batch(labels(0, 1))),
      ShapeError,
      'topK: expected logits [B, classes], got float32 tensor [2]',
    ],
    [
      'topK(0)',
      () => topK(0),
      ConfigError,
      'topK: k, as in topK(5), must be an integer from 1, got 0',
    ],
    [
      "average: 'samples'",
      () => f1({ average: 'samples' as never }),
      ConfigError,
      "f1: average must be 'binary', 'macro', 'micro' or 'weighted', got 'samples'",
    ],
    [
      'a class twice',
      () => f1({ labels: [1, 1] }),
      ConfigError,
      'f1: labels must be a list of classes, each once, such as [0, 2], got [1, 1]',
    ],
    [
      'labels with binary',
      () => f1({ average: 'binary', labels: [0] }),
      ConfigError,
      "f1: labels: with average 'binary' class 1 is the one that counts; leave out the average",
    ],
    [
      'binary of three classes',
      after(f1({ average: 'binary' }), [logits([1, 2, 3]), labels(0)]),
      ConfigError,
      "f1: average: 'binary' is for two classes, got logits of 3; 'macro' is their mean, and labels: [1] the F1 of class 1",
    ],
    [
      'a class that there is none of',
      after(f1({ labels: [2] }), [two, labels(0, 1)]),
      ShapeError,
      'f1: labels: class 2 is outside 0 … 1, the classes of the logits',
    ],
    [
      'other classes than before',
      after(f1(), [two, labels(0, 1)], [logits([1, 2, 3]), labels(0)]),
      ShapeError,
      'f1: expected logits of 2 classes, as in the batches before, got 3',
    ],
    ['f1 of nothing', after(f1()), ConfigError, 'f1: expected a batch before compute(), got none'],
    [
      'auc of nothing',
      after(auc()),
      ConfigError,
      'auc: expected a batch before compute(), got none',
    ],
    [
      'auc of one class',
      after(auc(), [ones([3]), labels(0, 0, 0)]),
      ConfigError,
      'auc: expected examples of class 1 and of others, got 0 and 3: there is no area under a curve',
    ],
    [
      'auc without one of three classes',
      after(auc(), [logits([1, 2, 3], [3, 1, 2]), labels(0, 1)]),
      ConfigError,
      'auc: expected examples of class 2 and of others, got 0 and 2: there is no area under a curve',
    ],
    [
      'auc of NaN',
      after(auc(), [tensor([1, NaN]), labels(0, 1)]),
      ConfigError,
      'auc: expected finite logits, got NaN at element 1',
    ],
    [
      'auc of many places',
      after(auc(), [ones([2, 2, 3]), zeros([2, 3])]),
      ShapeError,
      'auc: expected logits [B, classes], or [B] or [B, 1] of two classes, got float32 tensor [2,2,3]',
    ],
    [
      'auc of other classes than before',
      after(auc(), [two, labels(0, 1)], [ones([2]), labels(0, 1)]),
      ShapeError,
      'auc: expected 2 logits for each example, as in the batches before, got 1',
    ],
    [
      'auc of another dtype than before',
      after(auc(), [two, labels(0, 1)], [ones([2, 2], { dtype: 'float64' }), labels(0, 1)]),
      DTypeError,
      'auc: expected float32 logits, as in the batches before, got float64',
    ],
    [
      'targets that would be broadcast',
      () => meanAbsoluteError(ones([3, 1]), batch(ones([3]))),
      ShapeError,
      'meanAbsoluteError: expected output and targets [B, …] of one shape, got float32 tensor [3,1] and float32 tensor [3]',
    ],
    [
      'R² of one example',
      after(rSquared(), [ones([1, 4]), ones([1, 4])]),
      ConfigError,
      'rSquared: expected at least two examples before compute(), got 1',
    ],
    [
      'R² of infinity',
      after(rSquared(), [tensor([1, Infinity]), ones([2])]),
      ConfigError,
      'rSquared: expected finite numbers, got the output Infinity and the target 1',
    ],
    [
      'R² of other columns than before',
      after(rSquared(), [ones([2, 2]), ones([2, 2])], [ones([2]), ones([2])]),
      ShapeError,
      'rSquared: expected 2 numbers for each example, as in the batches before, got 1 in float32 tensor [2]',
    ],
  ]);
});

describe('metricOf', () => {
  const outputs = { logits: tensor([0.5, -1, 2, 0.1, -0.2, 3], [3, 2]), other: tensor([1]) };
  const labels = tensor([0, 1, 1]);
  const batch = { inputs: tensor([1]), targets: { labels }, size: 3 };
  const pick = (output: typeof outputs, { targets }: typeof batch) => ({
    output: output.logits,
    targets: targets.labels,
  });

  it('looks at what was picked, and no further', () => {
    const direct = accuracy(outputs.logits, { targets: labels });
    expect(metricOf(accuracy, pick)(outputs, batch)).toBe(direct);
    const [own, plain] = [metricOf(f1(), pick).create(), f1().create()];
    own.update(outputs, batch);
    plain.update(outputs.logits, { targets: labels });
    expect(own.compute()).toBe(plain.compute());
    expect(own.stateDict()).toEqual(plain.stateDict());
    const again = metricOf(f1(), pick).create();
    again.loadStateDict(own.stateDict());
    expect(again.compute()).toBe(plain.compute());
  });

  it('is what errors name where there are several outputs', () => {
    expect(() => accuracy(outputs as unknown as Tensor, batch)).toThrow(
      /accuracy: expected a tensor for output, got .*; of several outputs, metricOf\(accuracy, /,
    );
    expect(() => accuracy(outputs.logits, batch)).toThrow(
      /accuracy: expected a tensor for targets, got .*; of several targets, metricOf\(accuracy, /,
    );
    expect(() =>
      metricOf(accuracy, () => 3 as never)(outputs.logits, { images: labels, labels, size: 3 }),
    ).toThrow(
      new ConfigError('metricOf: expected { output, targets } of tensors for a batch, got 3'),
    );
  });
});
