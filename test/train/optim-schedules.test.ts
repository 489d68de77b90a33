import { ConfigError, Parameter, zeros } from '@unfold/core';
import {
  Adagrad,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  LambdaLR,
  linearDecay,
  LinearLR,
  type LRScheduler,
  MultiStepLR,
  OneCycleLR,
  ReduceLROnPlateau,
  SequentialLR,
  SGD,
  StepLR,
} from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { cosPi, sinPi } from '../../packages/train/src/optim/schedules/cos-pi.js';
import { randomSource } from '../support/kernels/kernels.js';
import { describeClosedForms } from '../support/runs/schedules.js';

const optimizer = (lr = 0.1) => new SGD([new Parameter(zeros([1]))], { lr });

/** The rate at first, and after each of so many steps. */
function rates({ lr, ...given }: { lr?: number; steps: number; make: (o: SGD) => LRScheduler }) {
  const sgd = optimizer(lr);
  const schedule = given.make(sgd);
  const seen = [sgd.lr];
  for (let step = 0; step < given.steps; step++) {
    schedule.step();
    seen.push(sgd.lr);
  }
  return seen;
}

describe('cosPi', () => {
  it('is exact at halves, even, and as Math.cos elsewhere', () => {
    expect([0, 0.5, 1, 1.5, 2, -1, 7, 10.5].map(cosPi)).toEqual([1, 0, -1, 0, 1, -1, -1, 0]);
    for (let i = -3000; i <= 3000; i++) {
      const x = i / 999;
      // Rounding π·x itself moves the reference by up to π·3·2⁻⁵³.
      expect(Math.abs(cosPi(x) - Math.cos(Math.PI * x))).toBeLessThan(2e-15);
      expect(cosPi(-x)).toBe(cosPi(x));
    }
  });
});

describe('sinPi', () => {
  it('is exact at both ends, and right to its own last digits between them', () => {
    expect([0, 0.5].map(sinPi)).toEqual([0, 1]);
    for (const x of [1e-300, 1e-9, 0.1, 0.24, 0.26, 0.4]) {
      expect(sinPi(x) / Math.sin(Math.PI * x)).toBeCloseTo(1, 14);
    }
  });
});

describe('what PyTorch leaves open', () => {
  it('LambdaLR multiplies the initial rate by any function of the step', () => {
    const make = (sgd: SGD) => new LambdaLR(sgd, (step) => linearDecay(step, 4));
    expect(rates({ lr: 1, steps: 3, make })).toEqual([1, 0.75, 0.5, 0.25]);
    const two = [1, 2].map((lr) => ({ params: [new Parameter(zeros([1]))], lr }));
    const sgd = new SGD(two, { lr: 1 });
    new LambdaLR(sgd, [() => 0.5, (step) => step + 1]).step();
    expect(sgd.groups.map(({ lr }) => lr)).toEqual([0.5, 4]);
    expect(() => new LambdaLR(sgd, [() => 1])).toThrow(
      new ConfigError('LambdaLR: expected a function for each of 2 groups, got 1'),
    );
    expect(() => new LambdaLR(sgd, () => NaN)).toThrow(ConfigError);
  });

  it('LambdaLR may stand anywhere in a sequence', () => {
    const sgd = optimizer(1);
    const lambda = (step: number) => 1 / (step + 2);
    const sequence = new SequentialLR(sgd, [new LambdaLR(sgd, lambda), new LambdaLR(sgd, lambda)], {
      milestones: [2],
    });
    const seen = [sgd.lr];
    for (let step = 0; step < 3; step++) {
      sequence.step();
      seen.push(sgd.lr);
    }
    expect(seen).toEqual([1 / 2, 1 / 3, 1 / 2, 1 / 3]);
  });

  it('what else changes the rate is kept by a schedule that goes from rate to rate', () => {
    const sgd = optimizer(1);
    const schedule = new ExponentialLR(sgd, { gamma: 0.5 });
    schedule.step();
    sgd.lr = 8;
    schedule.step();
    expect(sgd.lr).toBe(4);
  });

  it('the step after the last batch of OneCycleLR keeps the last rate; one more is an error', () => {
    const sgd = optimizer();
    const cycle = new OneCycleLR(sgd, { maxLr: 1, totalSteps: 4, annealStrategy: 'linear' });
    for (let step = 0; step < 3; step++) cycle.step();
    expect(sgd.lr).toBeCloseTo(1 / 25 / 10_000, 12);
    const last = sgd.lr;
    cycle.step();
    expect(sgd.lr).toBe(last);
    expect(() => {
      cycle.step();
    }).toThrow(
      new ConfigError(
        'OneCycleLR: step 5 of a cycle of 4; step once after each batch, and count them all in totalSteps',
      ),
    );
  });
});

/** Short ones, and some of the others, all of which the slow suite takes. */
const random = randomSource(5);
describeClosedForms([
  ...Array.from({ length: 24 }, (_, i) => 1 + i),
  ...Array.from({ length: 24 }, () => 25 + Math.floor(476 * random())),
]);

describe('rates at the edge of what rounding leaves', () => {
  it('CosineAnnealingLR of a hundred million steps comes back to where it began', () => {
    const sgd = optimizer(0.25);
    const schedule = new CosineAnnealingLR(sgd, { tMax: 1e8 });
    const [base] = schedule.stateDict()['baseLrs'] as number[];
    schedule.loadStateDict({ ...schedule.stateDict(), count: 1e8, lrs: [0] });
    schedule.step();
    // sin²(π/2e8) of the highest, where 1 - cos(π/1e8) is mostly rounding.
    expect(sgd.lr / ((base ?? 0) * Math.sin(Math.PI / 2e8) ** 2)).toBeCloseTo(1, 12);
  });

  it('a rate of 0 below etaMin is met again', () => {
    for (let tMax = 1; tMax <= 100; tMax++) {
      const sgd = optimizer(0);
      const schedule = new CosineAnnealingLR(sgd, { tMax, etaMin: 0.3 });
      for (let step = 0; step < 6 * tMax; step++) schedule.step();
      expect(sgd.lr).toBeLessThan(1e-12);
    }
  });
});

describe('wrong options', () => {
  it.each<[string, (sgd: SGD) => unknown, string]>([
    [
      'stepSize 0',
      (o) => new StepLR(o, { stepSize: 0 }),
      'StepLR: stepSize must be an integer from 1, got 0',
    ],
    [
      'gamma below 0',
      (o) => new ExponentialLR(o, { gamma: -1 }),
      'ExponentialLR: gamma must be a finite number of at least 0, got -1',
    ],
    [
      'milestones that are no list of integers',
      (o) => new MultiStepLR(o, { milestones: [1, 2.5] }),
      'MultiStepLR: milestones must be a list of integers from 1, got [1, 2.5]',
    ],
    [
      'startFactor 0',
      (o) => new LinearLR(o, { startFactor: 0 }),
      'LinearLR: startFactor must be a number above 0, at most 1, got 0',
    ],
    [
      'endFactor above 1',
      (o) => new LinearLR(o, { endFactor: 2 }),
      'LinearLR: endFactor must be a number from 0 to 1, got 2',
    ],
    [
      'no tMax',
      (o) => new CosineAnnealingLR(o, {} as { tMax: number }),
      'CosineAnnealingLR: tMax must be an integer from 1, got undefined',
    ],
    [
      'tMult below 1',
      (o) => new CosineAnnealingWarmRestarts(o, { t0: 2, tMult: 0.5 }),
      'CosineAnnealingWarmRestarts: tMult must be an integer from 1, got 0.5',
    ],
    [
      'no number of steps',
      (o) => new OneCycleLR(o, { maxLr: 1, epochs: 3 }),
      'OneCycleLR: expected totalSteps, or epochs and stepsPerEpoch',
    ],
    [
      'a list of another length than groups',
      (o) => new OneCycleLR(o, { maxLr: [1, 2], totalSteps: 9 }),
      'OneCycleLR: maxLr: expected one number for each of 1 groups, got 2',
    ],
    [
      'an unknown strategy',
      (o) => new OneCycleLR(o, { maxLr: 1, totalSteps: 9, annealStrategy: 'sine' as 'cos' }),
      "OneCycleLR: annealStrategy must be 'cos' or 'linear', got 'sine'",
    ],
    [
      'a phase of no length',
      (o) => new OneCycleLR(o, { maxLr: 1, totalSteps: 4, pctStart: 0.25 }),
      'OneCycleLR: pctStart 0.25 of 4 steps makes a phase of no length; change one of them',
    ],
    [
      'a factor of 1',
      (o) => new ReduceLROnPlateau(o, { factor: 1 }),
      'ReduceLROnPlateau: factor must be a number from 0, below 1, got 1',
    ],
    [
      'a metric of NaN',
      (o) => new ReduceLROnPlateau(o).step(NaN),
      'ReduceLROnPlateau: expected a finite metric, got NaN; the training has diverged',
    ],
    [
      'no schedules',
      (o) => new SequentialLR(o, [], { milestones: [] }),
      'SequentialLR: got no schedules',
    ],
    [
      'too many milestones',
      (o) => new SequentialLR(o, [new LinearLR(o)], { milestones: [3] }),
      'SequentialLR: expected 0 milestones for 1 schedules, got 1',
    ],
    [
      'milestones that do not ascend',
      (o) =>
        new SequentialLR(o, [new LinearLR(o), new LinearLR(o), new LinearLR(o)], {
          milestones: [3, 3],
        }),
      'SequentialLR: milestones must be a list of ascending integers from 1, got [3, 3]',
    ],
    [
      'a schedule of another optimiser',
      (o) => new SequentialLR(o, [new LinearLR(optimizer())], { milestones: [] }),
      'SequentialLR: schedule 0 was made for another optimiser',
    ],
  ])('%s', (_, make, message) => {
    const sgd = optimizer();
    expect(() => make(sgd)).toThrow(new ConfigError(message));
  });

  it('a failed OneCycleLR leaves the optimiser as it was', () => {
    const sgd = optimizer();
    expect(() => new OneCycleLR(sgd, { maxLr: 1, totalSteps: 4, pctStart: 0.25 })).toThrow();
    expect(sgd.groups[0]).toMatchObject({ lr: 0.1, momentum: 0 });
    expect(sgd.groups[0]?.initialLr).toBeUndefined();
  });

  it('momentum can only be cycled where there is one', () => {
    const adagrad = new Adagrad([new Parameter(zeros([1]))]);
    expect(() => new OneCycleLR(adagrad, { maxLr: 1, totalSteps: 9 })).toThrow(
      new ConfigError(
        'OneCycleLR: the optimiser has neither momentum nor betas; set cycleMomentum to false',
      ),
    );
    new OneCycleLR(adagrad, { maxLr: 1, totalSteps: 9, cycleMomentum: false });
    expect(adagrad.lr).toBeCloseTo(1 / 25, 15);
  });

  it('a schedule that needs a metric cannot be one of several', () => {
    const sgd = optimizer();
    // JavaScript callers may pass anything.
    const schedules: LRScheduler[] = Object.assign([], [new ReduceLROnPlateau(sgd)]);
    expect(() => new SequentialLR(sgd, schedules, { milestones: [] })).toThrow(
      'neither ReduceLROnPlateau nor SequentialLR can',
    );
  });
});

describe('states that do not fit are refused, and nothing is changed', () => {
  const linear = { startFactor: 0.5, totalIters: 4 };

  it.each<[string, object | null, string]>([
    ['of another schedule', { scheduler: 'StepLR' }, 'got the state of StepLR'],
    ['without a count', { count: null }, 'count: expected an integer from 0, got null'],
    ['of two groups', { lrs: [1, 2] }, 'lrs: expected a list of 1, got 2'],
    ['with a rate as text', { baseLrs: ['1'] }, "baseLrs[0]: expected a finite number, got '1'"],
    ['that is nothing', null, 'expected an object, got null'],
  ])('%s', (_, change, message) => {
    const sgd = optimizer();
    const schedule = new LinearLR(sgd, linear);
    schedule.step();
    const before = schedule.stateDict();
    const state = JSON.parse(
      JSON.stringify(change && { ...before, ...change, count: 3, ...change }),
    );
    expect(() => {
      schedule.loadStateDict(state);
    }).toThrow(ConfigError);
    expect(() => {
      schedule.loadStateDict(state);
    }).toThrow(message);
    expect(schedule.stateDict()).toEqual(before);
  });

  it('also where one of several schedules has another state', () => {
    const make = () => {
      const sgd = optimizer();
      const parts = [new LinearLR(sgd, linear), new StepLR(sgd, { stepSize: 2 })];
      return new SequentialLR(sgd, parts, { milestones: [2] });
    };
    const [one, other] = [make(), make()];
    other.step();
    const state = other.stateDict();
    const parts = [...(state['schedulers'] as object[])].reverse();
    const before = one.stateDict();
    expect(() => {
      one.loadStateDict({ ...state, schedulers: parts });
    }).toThrow(new ConfigError('LinearLR.loadStateDict: got the state of StepLR'));
    expect(one.stateDict()).toEqual(before);
  });
});
