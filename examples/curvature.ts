/**
 * How curved is the loss of a network? The Hessian by all weights is too large to write down, but its
 * product with a vector takes two walks over a tape (Pearlmutter, 1994), and power iteration needs no more
 * to find the largest curvature. A learning rate above 2/curvature climbs the other side of the valley.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/curvature.ts
 */
import { add, clone, grad, manualSeed, mul, randn, Scope, sum, Tape, tensor } from '@unfold/core';
import type { Tensor } from '@unfold/core';
import { Linear, mseLoss, Sequential, Tanh } from '@unfold/nn';
import { SGD } from '@unfold/train';

manualSeed(1);
const dtype = 'float64';
const layer = (from: number, to: number): Linear => new Linear(from, to, { dtype });
const network = new Sequential(layer(1, 16), new Tanh(), layer(16, 16), new Tanh(), layer(16, 1));
const weights = [...network.parameters()];

// A sine, to be learnt from 64 points of it.
const at = Array.from({ length: 64 }, (_, i) => (i / 32 - 1) * Math.PI);
const x = tensor(at, [64, 1], { dtype });
const y = tensor(at.map(Math.sin), [64, 1], { dtype });
const loss = (): Tensor => mseLoss(network.forward(x), y);
const lossNow = (): number => Scope.run(() => loss().item());

function train(steps: number, options: { lr: number; momentum?: number }): void {
  const optimizer = new SGD(weights, options);
  for (let step = 0; step < steps; step++) {
    using tape = new Tape();
    optimizer.zeroGrad();
    tape.backward(loss());
    optimizer.step();
  }
}

/** One part for each weight, in its shape. */
type Vector = readonly Tensor[];

const dot = (a: Vector, b: Vector): Tensor =>
  a.map((part, i) => sum(mul(part, b[i] ?? 0))).reduce((total, part) => add(total, part));

/** The Hessian of the loss by the weights, times a vector. */
function hessianTimes(vector: Vector): Vector {
  return Tape.run(() => {
    const gradients = grad(loss(), weights, { createGraph: true });
    // The vector is constant: the gradient of gradients·vector is Hessian·vector.
    return grad(dot(gradients, vector), weights);
  });
}

/** The largest curvature, and its direction, a vector of length 1. */
function sharpest(rounds: number): { curvature: number; direction: Vector } {
  let direction: Vector = weights.map(({ shape }) => randn(shape, { dtype }));
  let curvature = NaN;
  for (let round = 0; round < rounds; round++) {
    const length = Math.sqrt(dot(direction, direction).item());
    direction = direction.map((part) => mul(part, 1 / length));
    const product = hessianTimes(direction);
    curvature = dot(direction, product).item();
    if (round < rounds - 1) direction = product;
  }
  return { curvature, direction };
}

/** Moves the weights along a vector. */
function move(vector: Vector, distance: number): void {
  weights.forEach((weight, i) => {
    const part = vector[i]?.data ?? [];
    weight.update((data) => data.set(data.map((value, j) => value + distance * (part[j] ?? 0))));
  });
}

train(3000, { lr: 0.05, momentum: 0.9 });
const least = lossNow();
console.log(`trained to a loss of ${least.toExponential(1)}`);

using _scope = new Scope(); // For the vectors.
const { curvature, direction } = sharpest(100);
const step = 1e-3;
move(direction, step);
const above = lossNow();
move(direction, -2 * step);
const below = lossNow();
move(direction, step);
console.log(`largest curvature: ${curvature.toFixed(3)}`);
console.log(`by differences: ${((above + below - 2 * least) / step ** 2).toFixed(3)}`);

const state = new Map([...network.stateDict()].map(([name, values]) => [name, clone(values)]));
for (const share of [1.9, 2.1]) {
  network.loadStateDict(state);
  move(direction, step);
  const before = lossNow() - least;
  train(30, { lr: share / curvature });
  const factor = ((lossNow() - least) / before).toFixed(3);
  console.log(`learning rate ${share}/curvature: the loss above the least × ${factor}`);
}
