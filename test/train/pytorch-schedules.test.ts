import { Parameter, zeros } from '@unfold/core';
import { ReduceLROnPlateau } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { loadFixture } from '../support/fixtures/fixtures.js';
import {
  makeOptimizer,
  makeSchedule,
  type ScheduleCase,
} from '../support/fixtures/optimizer-fixtures.js';

const { schedules, plateaus } = loadFixture('optimizers');

/** Two groups with rates of their own, and a momentum for what does not cycle it to leave alone. */
function optimizerFor(kind: ScheduleCase['optimizer']) {
  const groups = [0.1, 0.03].map((lr) => ({ params: [new Parameter(zeros([1]))], lr }));
  return makeOptimizer(
    kind,
    groups,
    kind === 'SGD' ? { lr: 0.1, momentum: 0.6 } : { betas: [0.6, 0.99] },
  );
}

interface Group {
  readonly lr: number;
  readonly momentum?: number;
  readonly betas?: readonly [number, number];
}

const momentumOf = ({ momentum, betas }: Group) => betas?.[0] ?? momentum;

/**
 * Cosines are our own, and may differ in the last digits, as do lines, which follow PyTorch's closed
 * form and not its steps. Everything else has to be exact.
 */
const isRounded = ({ schedulers }: ScheduleCase) =>
  schedulers.some(
    ({ scheduler, options }) =>
      scheduler.startsWith('Cosine') ||
      scheduler === 'LinearLR' ||
      (scheduler === 'OneCycleLR' && options['annealStrategy'] !== 'linear'),
  );

const named = schedules.map((given) => ({
  ...given,
  name: given.schedulers
    .map(({ scheduler, options }) => `${scheduler} ${JSON.stringify(options)}`)
    .join(', then '),
}));

describe('learning rates equal PyTorch', () => {
  it.each(named)('$optimizer: $name', (given) => {
    const optimizer = optimizerFor(given.optimizer);
    const schedule = makeSchedule(optimizer, given);
    const highest = Math.max(...given.lrs.flat());
    const bound = isRounded(given) ? 1e-14 : 0;
    given.lrs.forEach((lrs, step) => {
      if (step > 0) schedule.step();
      optimizer.groups.forEach((group, i) => {
        const what = `step ${step}, group ${i}`;
        const lrError = Math.abs(group.lr - (lrs[i] ?? NaN));
        expect(lrError, `learning rate of ${what}`).toBeLessThanOrEqual(bound * highest);
        const momentum = momentumOf(group) ?? NaN;
        const momentumError = Math.abs(momentum - (given.momenta[step]?.[i] ?? NaN));
        expect(momentumError, `momentum of ${what}`).toBeLessThanOrEqual(bound);
      });
    });
  });

  it.each(plateaus)('ReduceLROnPlateau $options', ({ options, metrics, lrs }) => {
    const optimizer = optimizerFor('SGD');
    const schedule = new ReduceLROnPlateau(optimizer, options);
    const seen = metrics.map((metric) => {
      schedule.step(metric);
      return optimizer.groups.map(({ lr }) => lr);
    });
    expect(seen).toEqual(lrs);
    // A case in which nothing happens would prove nothing.
    expect(new Set(lrs.flat()).size).toBeGreaterThan(2);
  });
});

describe('a schedule that is stopped anywhere and resumed', () => {
  it.each(named)('$optimizer: $name', (given) => {
    const steps = given.lrs.length - 1;
    for (const stop of [0, 1, Math.floor(steps / 2), steps - 1]) {
      const whole = optimizerFor(given.optimizer);
      const first = makeSchedule(whole, given);
      for (let step = 0; step < stop; step++) first.step();
      const saved = JSON.stringify([first.stateDict(), whole.stateDict().json]);
      const resumed = optimizerFor(given.optimizer);
      const second = makeSchedule(resumed, given);
      const [schedule, json] = JSON.parse(saved);
      second.loadStateDict(schedule);
      // The schedule's state alone sets the learning rates.
      expect(resumed.groups.map(({ lr }) => lr)).toEqual(whole.groups.map(({ lr }) => lr));
      expect(resumed.groups.map(momentumOf)).toEqual(whole.groups.map(momentumOf));
      resumed.loadStateDict({ tensors: new Map(), json });
      expect(JSON.stringify([second.stateDict(), resumed.stateDict().json])).toBe(saved);
      for (let step = stop; step < steps; step++) {
        first.step();
        second.step();
        expect(resumed.stateDict().json).toEqual(whole.stateDict().json);
      }
    }
  });

  it('ReduceLROnPlateau', () => {
    for (const { options, metrics } of plateaus) {
      const [whole, resumed] = [optimizerFor('SGD'), optimizerFor('SGD')];
      const first = new ReduceLROnPlateau(whole, options);
      // Before the first metric there is no best one, which JSON has no infinity for.
      let saved = JSON.stringify(first.stateDict());
      metrics.forEach((metric) => {
        const second = new ReduceLROnPlateau(resumed, options);
        second.loadStateDict(JSON.parse(saved));
        first.step(metric);
        second.step(metric);
        saved = JSON.stringify(first.stateDict());
        expect(JSON.stringify(second.stateDict())).toBe(saved);
      });
    }
  });
});
