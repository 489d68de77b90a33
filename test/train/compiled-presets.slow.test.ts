import {
  Scope,
  Tape,
  configureEngine,
  heapStats,
  manualSeed,
  compile,
  randn,
  tensor,
} from '@unfold/core';
import { crossEntropy, Flatten, Linear, ReLU, Sequential } from '@unfold/nn';
import { DataLoader, fit, mnist, normalizationOf, SGD } from '@unfold/train';
import { PRESETS, prepareRun } from '@unfold/train/internal';
import { weightsSha256 } from '@unfold/io';
import { describe, expect, it, vi } from 'vitest';

describe('the recipes of the presets', () => {
  it.each(
    Object.entries(PRESETS).flatMap(([name, recipe]) =>
      [1, 2].map((threads) => ({ name, recipe, threads })),
    ),
  )(
    '$name on $threads thread(s) gives the same weights, as programs or not',
    { timeout: 600_000 },
    async ({ recipe, threads }) => {
      const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      await configureEngine({ threads });
      const digits = await mnist();
      const images = {
        train: digits.train.slice(0, 300),
        validation: digits.train.slice(300, 420),
      };
      const train = async (isCompiled: boolean): Promise<string> => {
        manualSeed(1);
        const makeLoader = (...given: ConstructorParameters<typeof DataLoader>): DataLoader =>
          new DataLoader(...given);
        const normalization = normalizationOf(images.train);
        const { model, options } = await prepareRun(
          { ...recipe, epochs: 2 },
          { ...images, normalization, makeLoader },
        );
        await fit(model, { ...options, gradNorm: true, compile: isCompiled });
        return weightsSha256(model.stateDict());
      };
      expect(await train(true)).toBe(await train(false));
      expect(warnings).not.toHaveBeenCalled();
      warnings.mockRestore();
      await configureEngine({ threads: 1 });
    },
  );
});

it('a hundred thousand compiled steps leave memory as it was', { timeout: 600_000 }, () => {
  manualSeed(2);
  const model = new Sequential(new Flatten(), new Linear(16, 12), new ReLU(), new Linear(12, 3));
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const step = compile(
    (x: Parameters<typeof model.forward>[0], labels: typeof x) => {
      optimizer.zeroGrad();
      const loss = Tape.run((tape) => {
        const value = crossEntropy(model.forward(x), labels);
        tape.backward(value);
        return value;
      });
      optimizer.step();
      return loss;
    },
    { modules: [model] },
  );
  const x = randn([4, 16]);
  const labels = tensor(Int32Array.of(0, 1, 2, 0));
  const run = (): void => {
    using _scope = new Scope();
    step(x, labels);
  };
  for (let i = 0; i < 10; i++) run();
  const before = heapStats();
  for (let i = 0; i < 100_000; i++) run();
  const { usedBytes, heapBytes, liveTensors } = heapStats();
  expect({ usedBytes, heapBytes, liveTensors }).toEqual({
    usedBytes: before.usedBytes,
    heapBytes: before.heapBytes,
    liveTensors: before.liveTensors,
  });
  expect(step.refusal).toBeNull();
});
