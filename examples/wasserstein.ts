/**
 * How far do two clouds of points lie apart? A critic learns to score the ones high and the others low,
 * and a penalty on its gradient keeps it from doing so faster than a point moves: then the difference of
 * the mean scores is the distance (Gulrajani et al., Improved Training of Wasserstein GANs, 2017).
 *
 * Run it with: npx tsx --conditions=unfold-source examples/wasserstein.ts
 */
import { add, grad, manualSeed, mean, mul, rand, randn, Scope, sqrt, sub, sum } from '@unfold/core';
import { Tape, tensor, type Tensor } from '@unfold/core';
import { Linear, Sequential, SiLU } from '@unfold/nn';
import { Adam } from '@unfold/train';

const POINTS = 256;
const STEPS = 1500;
/** How much the penalty counts: a slope of s costs so many times (s - 1)². */
const WEIGHT = 100;

manualSeed(1);
const critic = new Sequential(
  new Linear(2, 64),
  new SiLU(),
  new Linear(64, 64),
  new SiLU(),
  new Linear(64, 1),
);
const optimizer = new Adam(critic.parameters(), { lr: 1e-3, betas: [0.5, 0.9] });

/** Round clouds, the one moved by (3, 4): every point has to go 5. */
const drawHere = (): Tensor => randn([POINTS, 2]);
const drawThere = (): Tensor => add(randn([POINTS, 2]), tensor([3, 4]));

/** How much higher the critic scores the one cloud than the other. */
const difference = (there: Tensor, here: Tensor): Tensor =>
  sub(mean(critic.forward(there)), mean(critic.forward(here)));

/** The lengths of the critic's slopes at points on the ways from the one cloud to the other, `[N]`. */
function slopes(there: Tensor, here: Tensor, createGraph: boolean): Tensor {
  const share = rand([POINTS, 1]);
  const between = add(mul(there, share), mul(here, sub(1, share)));
  between.requiresGrad = true;
  // Each score depends on its own point alone, so the gradient of their sum holds all slopes.
  const slope = grad(sum(critic.forward(between)), between, { createGraph });
  return sqrt(add(sum(mul(slope, slope), 1), 1e-12));
}

/** What the critic has learnt, on points that it never saw. */
function report(): string {
  const apart = Scope.run(() => difference(drawThere(), drawHere()).item());
  const steepness = Tape.run(() => mean(slopes(drawThere(), drawHere(), false)).item());
  return `distance ${apart.toFixed(2)}, slope ${steepness.toFixed(2)}`;
}

console.log(`before training: ${report()}`);
for (let step = 1; step <= STEPS; step++) {
  using tape = new Tape();
  const [there, here] = [drawThere(), drawHere()];
  const off = sub(slopes(there, here, true), 1);
  const penalty = mul(mean(mul(off, off)), WEIGHT);
  optimizer.zeroGrad();
  // One walk for the whole loss: through the scores, and through the gradient in the penalty.
  tape.backward(sub(penalty, difference(there, here)));
  optimizer.step();
  if (step % 500 === 0) console.log(`after ${step} steps: ${report()}`);
}
console.log('the clouds lie 5 apart');
