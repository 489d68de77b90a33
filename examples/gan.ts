/**
 * Learns to draw points as they lie in eight small clouds on a ring. A generator makes points of noise; a
 * critic learns how far they lie from the true ones, with a penalty that keeps its slope at 1, and the
 * generator goes down that slope (Gulrajani et al., Improved Training of Wasserstein GANs, 2017).
 *
 * Run it with: npx tsx --conditions=unfold-source examples/gan.ts
 */
import { add, grad, manualSeed, mean, mul, norm, rand, randn, Scope, sub } from '@unfold/core';
import { compile, sum, Tape, tensor, type Tensor } from '@unfold/core';
import { Linear, ReLU, Sequential } from '@unfold/nn';
import { Adam } from '@unfold/train';

const POINTS = 256;
const STEPS = 1500;
const CRITIC_STEPS = 3;
const CLOUDS = 8;
const SPREAD = 0.1;
/** How much the penalty counts: a slope of s costs so many times (s - 1)². */
const WEIGHT = 1;

manualSeed(1);
const network = (inputs: number, outputs: number) =>
  new Sequential(
    new Linear(inputs, 96),
    new ReLU(),
    new Linear(96, 96),
    new ReLU(),
    new Linear(96, outputs),
  );
const generator = network(4, 2);
const critic = network(2, 1);
const options = { lr: 1e-3, betas: [0.5, 0.9] } as const;
const generatorOptimizer = new Adam(generator.parameters(), options);
const criticOptimizer = new Adam(critic.parameters(), options);

const angles = Array.from({ length: CLOUDS }, (_, cloud) => (2 * Math.PI * cloud) / CLOUDS);
const centres = angles.map((angle): [number, number] => [Math.cos(angle), Math.sin(angle)]);
const middles = tensor(Array.from({ length: POINTS }, (_, i) => centres[i % CLOUDS] ?? [0, 0]));
/** Points, as many of each cloud. */
const drawTrue = (): Tensor => add(middles, mul(randn([POINTS, 2]), SPREAD));
const noise = (): Tensor => randn([POINTS, 4]);

/** What a program draws is drawn before it. @returns The distance that the critic sees. */
const criticStep = compile(
  (truth: Tensor, z: Tensor, share: Tensor): Tensor => {
    using tape = new Tape();
    const drawn = generator.forward(z).detach();
    const between = add(mul(truth, share), mul(drawn, sub(1, share)));
    between.requiresGrad = true;
    const slope = grad(sum(critic.forward(between)), between, { createGraph: true });
    const off = sub(norm(slope, 1), 1);
    const distance = sub(mean(critic.forward(truth)), mean(critic.forward(drawn)));
    criticOptimizer.zeroGrad();
    tape.backward(sub(mul(mean(mul(off, off)), WEIGHT), distance));
    criticOptimizer.step();
    return distance.keep();
  },
  { modules: [generator, critic] },
);

const generatorStep = compile(
  (z: Tensor): void => {
    using tape = new Tape();
    generatorOptimizer.zeroGrad();
    tape.backward(mul(mean(critic.forward(generator.forward(z))), -1));
    generatorOptimizer.step();
  },
  { modules: [generator, critic] },
);

/** How many of 2560 new points lie in a cloud, and how many the clouds have. */
function report(): string {
  using _scope = new Scope();
  const points = generator.forward(randn([10 * POINTS, 4])).toArray() as [number, number][];
  const counts = centres.map(
    ([x, y]) =>
      points.filter((point) => Math.hypot(point[0] - x, point[1] - y) < 3 * SPREAD).length,
  );
  const inside = counts.reduce((total, count) => total + count, 0) / points.length;
  const shares = counts.map((count) => Math.round((100 * count) / points.length));
  return `${(100 * inside).toFixed(1)} % lie in a cloud; the clouds have ${shares.join(', ')} %`;
}

console.log(`before training: ${report()}`);
for (let step = 1; step <= STEPS; step++) {
  using _scope = new Scope();
  let distance = 0;
  for (let i = 0; i < CRITIC_STEPS; i++) {
    distance = criticStep(drawTrue(), noise(), rand([POINTS, 1])).item();
  }
  generatorStep(noise());
  if (step % 500 === 0)
    console.log(`after ${step} steps: ${report()}; distance ${distance.toFixed(3)}`);
}
