import { Parameter, zeros } from '@unfold/core';
import {
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  LinearLR,
  MultiStepLR,
  OneCycleLR,
  SequentialLR,
  SGD,
  StepLR,
} from '@unfold/train';
import { describe, expect, it } from 'vitest';

/** Tests of schedules of each length, step by step, against the rates that a formula without memory gives. */
export function describeClosedForms(lengths: readonly number[]): void {
  describe.each([1 / 3, 0.1, 0.9, 1, 1e-9])('closed forms, startFactor or share %d', (share) => {
    /** @param right The share of the initial rate after so many steps. */
    function expectEverywhere(
      make: (sgd: SGD, total: number) => { step(): void },
      right: (step: number, total: number) => number,
      { more = 2, last, within = 2e-13 }: { more?: number; last?: number; within?: number } = {},
    ): void {
      let worst = 0;
      for (const total of lengths) {
        const sgd = new SGD([new Parameter(zeros([1]))], { lr: 0.3 });
        const schedule = make(sgd, total);
        for (let step = 0; step <= total + more; step++) {
          if (step > 0) schedule.step();
          worst = Math.max(worst, Math.abs(sgd.lr / 0.3 - right(step, total)));
          if (step === total && last !== undefined) expect(sgd.lr).toBe(last * 0.3);
        }
      }
      expect(worst).toBeLessThan(within);
    }

    const line = (step: number, total: number, end: number) =>
      share + ((end - share) * Math.min(step, total)) / total;
    const halfCosine = (step: number, total: number, least: number) =>
      least + ((1 - least) * (1 + Math.cos((Math.PI * step) / total))) / 2;

    it.each([0, 1e-17, 0.5, 1])('LinearLR to endFactor %d', (endFactor) => {
      expectEverywhere(
        (sgd, totalIters) => new LinearLR(sgd, { startFactor: share, endFactor, totalIters }),
        (step, total) => line(step, total, endFactor),
        endFactor === 0 ? { last: 0 } : {},
      );
    });

    it('LinearLR in both places of a sequence', () => {
      const options = { startFactor: share, endFactor: 0 };
      expectEverywhere(
        (sgd, totalIters) => {
          const make = () => new LinearLR(sgd, { ...options, totalIters });
          return new SequentialLR(sgd, [make(), make()], { milestones: [totalIters + 2] });
        },
        (step, total) => line(step < total + 2 ? step : step - total - 2, total, 0),
        { more: 502, last: 0 },
      );
    });

    it('CosineAnnealingLR, down and up again', () => {
      expectEverywhere(
        (sgd, tMax) => new CosineAnnealingLR(sgd, { tMax, etaMin: 0.3 * (1 - share) }),
        (step, total) => halfCosine(step, total, 1 - share),
        // Each rate follows from the one before; near a least rate above 0 they differ by little.
        { more: 1200, within: 2e-11 },
      );
    });

    it('CosineAnnealingWarmRestarts', () => {
      expectEverywhere(
        (sgd, t0) => new CosineAnnealingWarmRestarts(sgd, { t0, etaMin: 0.3 * (1 - share) }),
        (step, total) => halfCosine(step % total, total, 1 - share),
        { more: 502 },
      );
    });

    it('ExponentialLR, StepLR and MultiStepLR', () => {
      const gamma = Math.max(share, 0.1);
      expectEverywhere(
        (sgd) => new ExponentialLR(sgd, { gamma }),
        (step) => gamma ** step,
      );
      expectEverywhere(
        (sgd, stepSize) => new StepLR(sgd, { stepSize, gamma }),
        (step, total) => gamma ** Math.floor(step / total),
        { more: 502 },
      );
      expectEverywhere(
        (sgd, total) => new MultiStepLR(sgd, { milestones: [total, total + 1], gamma }),
        (step, total) => gamma ** (Math.max(0, step - total + 1) && Math.min(2, step - total + 1)),
      );
    });

    it.each(['linear', 'cos'] as const)('OneCycleLR, %s', (annealStrategy) => {
      expectEverywhere(
        (sgd, totalSteps) => {
          const pctStart = 0.5;
          // Two steps make a phase of no length.
          if (totalSteps === 2) return { step: () => undefined };
          return new OneCycleLR(sgd, { maxLr: 0.3, totalSteps, pctStart, annealStrategy });
        },
        (step, total) => (total === 2 ? 1 : oneCycle(step, total, annealStrategy)),
        { more: 0 },
      );
    });
  });
}

/** The rate of OneCycleLR's defaults with half of the steps up, as a share of the highest. */
function oneCycle(step: number, total: number, annealStrategy: 'cos' | 'linear'): number {
  const at = Math.min(step, total - 1);
  const top = total / 2 - 1;
  const [from, to, share] =
    at <= top ? [1 / 25, 1, at / top] : [1, 1 / 25e4, (at - top) / (total - 1 - top)];
  return annealStrategy === 'linear'
    ? from + (to - from) * share
    : to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
}
