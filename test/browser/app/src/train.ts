import {
  compile,
  configureEngine,
  engine,
  Generator,
  manualSeed,
  Scope,
  Tape,
  tensor,
  zeros,
} from '@unfold/core';
import type { EngineOptions, Tensor } from '@unfold/core';
import {
  Conv2d,
  crossEntropy,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
  type StateDict,
} from '@unfold/nn';
import { DataLoader, Dataset, evaluate, SGD } from '@unfold/train';

/** What a run has to tell; plain data, so that a worker can send it. */
export interface Report {
  /** A strided convolution by hand: [3, 3]. */
  readonly convolution: number[];
  readonly description: string;
  readonly warnings: readonly string[];
  /** A view of 1, 2, 3 that was taken before the heap grew. */
  readonly view: number[];
  readonly losses: number[];
  readonly accuracy: number;
  /** SHA-256 of the bytes of all weights. */
  readonly weights: string;
  /** The same of a run whose steps are programs, and how many launches one of them is. */
  readonly compiledWeights: string;
  readonly launches: number;
}

const EPOCHS = 2;

/**
 * Trains a small network on synthetic images.
 * @param options null: the engine is not configured, the first operation starts it.
 */
export async function train(options: EngineOptions | null): Promise<Report> {
  if (options) await configureEngine(options);
  const convolution = convolve();
  const view = tensor([1, 2, 3]).data;
  zeros([30_000_000]).dispose();
  const { model, losses, test } = learn(false);
  const { correct, total } = await evaluate(model, test);
  const compiled = learn(true);
  const { description, warnings } = engine();
  return {
    convolution,
    view: [...view],
    description,
    warnings,
    losses,
    accuracy: correct / total,
    weights: await sha256(model.stateDict()),
    compiledWeights: await sha256(compiled.model.stateDict()),
    launches: compiled.launches,
  };
}

/** Trains from the same beginning: eagerly, or by programs. */
function learn(isCompiled: boolean) {
  manualSeed(7);
  const model = new Sequential(
    new Conv2d(1, 8, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(8, 16, 3),
    new ReLU(),
    new Flatten(),
    new Linear(16 * 8 * 8, 4),
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const images = stripes(640);
  const loader = new DataLoader(images.slice(0, 512), { batchSize: 32, shuffle: true });
  const step = (x: Tensor, labels: Tensor): Tensor => {
    optimizer.zeroGrad();
    const loss = Tape.run((tape) => {
      const value = crossEntropy(model.forward(x), labels);
      tape.backward(value);
      return value;
    });
    optimizer.step();
    return loss;
  };
  const program = compile(step, { modules: [model] });
  const losses: number[] = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const { images, labels } of loader) {
      using _scope = new Scope();
      losses.push((isCompiled ? program : step)(images, labels).item());
    }
  }
  const test = new DataLoader(images.slice(512), { batchSize: 64 });
  return { model, losses, test, launches: program.stats?.launches ?? 0 };
}

/** 1 … 49 as 7×7, correlated with [[1, 2], [3, 4]], every second place. */
function convolve(): number[] {
  const layer = new Conv2d(1, 1, 2, { stride: 2, bias: false });
  layer.weight.data.set([1, 2, 3, 4]);
  const x = Float32Array.from({ length: 49 }, (_, i) => i + 1);
  return Array.from(layer.forward(tensor(x, [1, 1, 7, 7])).data);
}

/** Noisy stripes of 24×24 pixels: lying, standing, or along one of the diagonals. */
function stripes(count: number): Dataset {
  const size = 24;
  const random = new Generator(3);
  const labels = Array.from({ length: count }, () => random.integer(4));
  const images = new Float32Array(count * size * size);
  labels.forEach((label, n) => {
    const shift = random.integer(6);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const across = [row, column, row + column, row - column + size][label] ?? 0;
        const stripe = (across + shift) % 6 < 3 ? 1 : 0;
        images[(n * size + row) * size + column] = stripe - random.uniform();
      }
    }
  });
  return Dataset.fromArrays({ images, shape: [1, size, size], labels, classes: 4 });
}

async function sha256(state: StateDict): Promise<string> {
  const bytes = [...state.values()].flatMap((weight) => {
    const { buffer } = weight.toTypedArray();
    return Array.from(new Uint8Array(buffer));
  });
  const digest = await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
