import type * as Core from '@unfold/core';
import type * as Nn from '@unfold/nn';
import { beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';

/** What was warned of is remembered for the life of a program: each test begins one. */
let core: typeof Core;
let nn: typeof Nn;
let said: MockInstance<typeof process.emitWarning>;

beforeEach(async () => {
  vi.resetModules();
  said = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  core = await import('@unfold/core');
  nn = await import('@unfold/nn');
  return () => vi.restoreAllMocks();
});

const logits = () => core.tensor([0.5, -1, 2, 0, 0, 1], [2, 3]);
const shares = (...values: number[]) => core.tensor(values, [2, 3]);
const labels = (...values: number[]) => core.tensor(Int32Array.from(values));

describe('targets of bceWithLogits', () => {
  it.each([
    { name: 'labels of ±1', values: [1, -1, 1, 0, 0, 1], got: '-1 at element 1' },
    { name: 'bytes', values: [0, 1, 0, 0, 255, 0], got: '255 at element 4' },
    { name: 'an infinite one', values: [0, 1, 0, Infinity, 0, 0], got: 'Infinity at element 3' },
  ])('are refused outside of 0 … 1: $name', ({ values, got }) => {
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      expect(() => nn.bceWithLogits(logits(), shares(...values), { reduction })).toThrow(
        new core.ConfigError(
          `bceWithLogits: expected probabilities of 0 … 1 as targets, got ${got}; labels of -1 and 1 ` +
            'become such by (y + 1) / 2, bytes by y / 255',
        ),
      );
    }
    expect(() => new nn.BCEWithLogitsLoss().forward(logits(), shares(...values))).toThrow(
      core.ConfigError,
    );
  });

  it('may be 0, 1, whatever rounding makes of them, and NaN, which the loss becomes', () => {
    const loss = nn.bceWithLogits(logits(), shares(0, 1, 1 + 2 ** -20, -(2 ** -30), 0.3, 1));
    expect(loss.item()).toBeGreaterThan(0);
    expect(nn.bceWithLogits(logits(), shares(0, 1, NaN, 0, 0.3, 1)).item()).toBeNaN();
    expect(said).not.toHaveBeenCalled();
  });
});

describe('probabilities as targets of crossEntropy', () => {
  it.each([
    { name: 'scores', values: [0.5, -1, 2, 0, 0, 1], got: '-1 at element 1' },
    { name: 'bytes', values: [0, 255, 0, 0, 0, 255], got: '255 at element 1' },
  ])('are refused outside of 0 … 1: $name', ({ values, got }) => {
    expect(() => nn.crossEntropy(logits(), shares(...values))).toThrow(
      new core.ConfigError(
        `crossEntropy: expected probabilities of 0 … 1 as targets, got ${got}; softmax(scores, 1) ` +
          'makes them of scores, and labels are int32 or uint8',
      ),
    );
    expect(() => new nn.CrossEntropyLoss().forward(logits(), shares(...values))).toThrow(
      core.ConfigError,
    );
  });

  it('are warned of once where a row sums to something else than 1 and 0', () => {
    const several = (): number => nn.crossEntropy(logits(), shares(1, 1, 0, 0, 0, 1)).item();
    const first = several();
    expect(several()).toBe(first);
    expect(said).toHaveBeenCalledExactlyOnceWith(
      'Unfold: crossEntropy: expected probabilities that sum to 1 over the classes, got 2; they count ' +
        'as they are. Divide them by their sum, or take bceWithLogits where several classes are right',
      'UnfoldWarning',
    );
  });

  it('are summed over the second axis', () => {
    const target = core.softmax(core.randn([2, 3, 4, 5]), 1);
    nn.crossEntropy(core.randn([2, 3, 4, 5]), target);
    expect(said).not.toHaveBeenCalled();
    nn.crossEntropy(core.randn([2, 3, 4, 5]), core.softmax(core.randn([2, 3, 4, 5]), 2));
    expect(said).toHaveBeenCalledOnce();
  });

  it('may be mixtures, a row of zeros, which counts nothing, NaN, and none at all', () => {
    const [a, b] = [shares(1, 0, 0, 0, 0, 1), shares(0, 1, 0, 0, 1, 0)];
    nn.crossEntropy(logits(), core.add(core.mul(a, 0.3), core.mul(b, 0.7)), {
      labelSmoothing: 0.1,
    });
    const losses = nn.crossEntropy(logits(), shares(0, 0, 0, NaN, 0, 1), { reduction: 'none' });
    expect([...losses.toTypedArray()].map((loss) => loss + 0)).toEqual([0, NaN]);
    nn.crossEntropy(core.zeros([0, 3]), core.zeros([0, 3]), { reduction: 'sum' });
    nn.crossEntropy(core.zeros([2, 0]), core.zeros([2, 0]), { reduction: 'sum' });
    expect(said).not.toHaveBeenCalled();
  });
});

describe('the scores of nllLoss', () => {
  it("are warned of once where a label's is above 0", () => {
    const probabilities = shares(0.2, 0.7, 0.1, 0.3, 0.3, 0.4);
    const loss = (): number => nn.nllLoss(probabilities, labels(1, 0), { reduction: 'sum' }).item();
    expect(loss()).toBe(-1);
    expect(loss()).toBe(-1);
    expect(said).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(
        /^Unfold: nllLoss: expected log-probabilities, at most 0, got 0\.69999\d+ for the label of row 0; it counts as it is\. logSoftmax\(logits, 1\) or log\(probabilities\) gives them, and crossEntropy takes logits$/,
      ),
      'UnfoldWarning',
    );
  });

  it('may be anything where a label is ignored or counts nothing, and NaN', () => {
    nn.nllLoss(shares(-1, 5, 5, 7, 7, 7), labels(0, -100));
    const weight = core.tensor([1, 0, 1]);
    nn.nllLoss(shares(-1, 5, 5, 7, 7, 7), labels(0, 1), { weight });
    nn.nllLoss(shares(NaN, 5, 5, 0, 0, -Infinity), labels(0, 2));
    nn.nllLoss(core.logSoftmax(logits(), 1), labels(0, 2));
    expect(said).not.toHaveBeenCalled();
  });
});

describe('Sequential', () => {
  it.each([undefined, null, false, 3])('refuses %s in the place of a layer', (value) => {
    const layers: never[] = JSON.parse('[]');
    layers.push(value as never);
    expect(() => new nn.Sequential(new nn.ReLU(), ...layers)).toThrow(
      new core.ConfigError(
        `Sequential: expected a layer, such as new ReLU(), at position 1, got ${String(value)}`,
      ),
    );
  });
});
