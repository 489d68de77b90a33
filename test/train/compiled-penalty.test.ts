import {
  add,
  compile,
  grad,
  manualSeed,
  mean,
  mul,
  randn,
  Scope,
  sqrt,
  sub,
  sum,
} from '@unfold/core';
import { Tape, type Tensor } from '@unfold/core';
import { BatchNorm2d, Conv2d, Flatten, LeakyReLU, Linear, MaxPool2d, Sequential } from '@unfold/nn';
import { Adam } from '@unfold/train';
import { expect, it } from 'vitest';

/** Six steps of a critic whose gradient is penalised. @returns The losses, and the weights afterwards. */
function run(how: 'grad' | 'backward', isCompiled: boolean): number[][] {
  using _scope = new Scope();
  manualSeed(3);
  const critic = new Sequential(
    new Conv2d(1, 4, 3),
    new LeakyReLU(),
    new MaxPool2d(2),
    new BatchNorm2d(4),
    new Flatten(),
    new Linear(36, 1),
  );
  const optimizer = new Adam(critic.parameters(), { lr: 0.01 });
  const slopeOf = (tape: Tape, score: Tensor, images: Tensor): Tensor => {
    if (how === 'grad') return grad(sum(score), images, { createGraph: true });
    tape.backward(sum(score), { createGraph: true });
    const slope = images.grad as Tensor;
    optimizer.zeroGrad();
    return slope;
  };
  const step = (images: Tensor): Tensor => {
    using tape = new Tape();
    optimizer.zeroGrad();
    images.requiresGrad = true;
    const score = critic.forward(images);
    const slope = slopeOf(tape, score, images);
    const off = sub(sqrt(add(sum(mul(slope, slope), [1, 2, 3]), 1e-6)), 1);
    const loss = add(mean(score), mul(mean(mul(off, off)), 10));
    tape.backward(loss);
    optimizer.step();
    images.zeroGrad();
    return loss.keep();
  };
  const program = isCompiled ? compile(step, { modules: [critic] }) : null;
  const losses: number[] = [];
  for (let i = 0; i < 6; i++) {
    using loss = (program ?? step)(randn([5, 1, 8, 8]));
    losses.push(loss.item());
  }
  if (program) expect(program.stats?.launches).toBeGreaterThan(100);
  program?.dispose();
  const weights = [...critic.parameters()].map((weight) => [...weight.toTypedArray()]);
  critic.dispose();
  return [losses, ...weights];
}

it.each(['grad', 'backward'] as const)(
  'a program of a step with a penalty on a gradient, by %s, gives the same bits',
  (how) => {
    const eager = run(how, false);
    expect(run(how, true)).toEqual(eager);
    expect(eager[0]?.every(Number.isFinite)).toBe(true);
  },
);

it('a gradient by backward is the one by grad', () => {
  expect(run('backward', false)).toEqual(run('grad', false));
});
