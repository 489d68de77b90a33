import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  argmax,
  cast,
  compile,
  configureEngine,
  gt,
  logSoftmax,
  manualSeed,
  max,
  mul,
  randn,
  Scope,
  ShapeError,
  Tape,
  TapeError,
  where,
  zeros,
  type Compiled,
  type CompileOptions,
  type Tensor,
} from '@unfold/core';
import {
  BatchNorm1d,
  crossEntropy,
  Dropout,
  Linear,
  nllLoss,
  ReLU,
  Sequential,
  type Layer,
} from '@unfold/nn';
import { Adam } from '@unfold/train';

const CLASSES = 5;

/** A student that draws, and keeps statistics; a teacher that does neither. */
function makeWorld() {
  manualSeed(1);
  const teacher = new Sequential(new Linear(12, 20), new ReLU(), new Linear(20, CLASSES)).eval();
  const student = new Sequential(
    new Linear(12, 40),
    new BatchNorm1d(40),
    new ReLU(),
    new Dropout(0.3),
    new Linear(40, CLASSES),
  );
  const optimizer = new Adam(student.parameters(), { lr: 0.01 });
  return { teacher: teacher.freeze(), student, optimizer };
}

type World = ReturnType<typeof makeWorld>;
type Loss = (scores: Tensor, labels: Tensor) => Tensor;

/** A step of distillation: `labels` are made of the input. */
function stepOf(
  { student, optimizer }: World,
  { labels, loss, isLate = false }: { labels: (x: Tensor) => Tensor; loss: Loss; isLate?: boolean },
) {
  return (x: Tensor): Tensor => {
    optimizer.zeroGrad();
    const value = Tape.run((tape) => {
      const early = isLate ? null : labels(x);
      const scores = student.forward(x);
      const result = loss(scores, early ?? labels(x));
      tape.backward(result);
      return result;
    });
    optimizer.step();
    return value;
  };
}

/** All that a step changes, as text. */
function stateOf({ student }: World): string {
  const state = Object.entries(student.stateDict()).map(([name, x]) => [name, x.toJSON().data]);
  return JSON.stringify(state);
}

/** The teacher's labels of rows that it is sure of; else what is ignored. */
function sureLabels(teacher: Layer, x: Tensor): Tensor {
  const scores = teacher.forward(x);
  const labels = cast(argmax(scores, 1), 'float32');
  return cast(where(gt(max(scores, 1), -0.1), labels, -100), 'int32');
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ShapeError) return error.message;
  }
  throw new Error('there was no ShapeError');
}

/** Losses and states of a few steps. */
function follow(world: World, step: (x: Tensor) => Tensor, inputs: readonly Tensor[]): string[] {
  return inputs.map((x) => Scope.run(() => `${String(step(x).item())} ${stateOf(world)}`));
}

function programOf(world: World, step: (x: Tensor) => Tensor, options: CompileOptions = {}) {
  let calls = 0;
  const counted = (x: Tensor): Tensor => {
    calls++;
    return step(x);
  };
  const fast: Compiled<[Tensor], Tensor> = compile(counted, {
    modules: [world.student, world.teacher],
    ...options,
  });
  return { fast, calls: () => calls };
}

describe.each([
  ['one thread', { threads: 1 }],
  ['two threads', { threads: 2 }],
  ['the reference', { kernels: 'reference' }],
] as const)('on %s, labels that a program computes', (_name, options) => {
  beforeAll(async () => {
    await configureEngine(options);
  });
  afterAll(async () => {
    await configureEngine({ threads: 1 });
  });

  /** The same steps, as they are and as a program. @returns How often the function ran. */
  const compare = (
    make: (world: World) => (x: Tensor) => Tensor,
    inputs: readonly Tensor[],
    given: CompileOptions = {},
  ): number => {
    const eagerWorld = makeWorld();
    const eager = follow(eagerWorld, make(eagerWorld), inputs);
    const world = makeWorld();
    const { fast, calls } = programOf(world, make(world), given);
    expect(follow(world, fast, inputs)).toEqual(eager);
    expect(fast.refusal).toBeNull();
    fast.dispose();
    return calls();
  };
  const batches = (count: number): Tensor[] =>
    Array.from({ length: count }, (_, i) => mul(randn([33, 12]), 1 + i / 10));

  it.each([
    ['before the student has run', false],
    ['after it', true],
  ])('give the bits of the function: of a teacher, %s', (_about, isLate) => {
    using _scope = new Scope();
    const labels =
      ({ teacher }: World) =>
      (x: Tensor) =>
        argmax(teacher.forward(x), 1);
    const calls = compare(
      (world) => stepOf(world, { labels: labels(world), loss: crossEntropy, isLate }),
      batches(8),
    );
    // The first makes the optimiser's state.
    expect(calls).toBe(2);
  });

  it.each<[string, Loss]>([
    ['crossEntropy', crossEntropy],
    ['nllLoss', (scores, labels) => nllLoss(logSoftmax(scores, 1), labels)],
  ])('give the bits of the function where some are ignored by %s, or none', (_about, loss) => {
    using _scope = new Scope();
    const inputs = batches(12);
    const teacher = makeWorld().teacher;
    const isIgnored = inputs.map((x) => sureLabels(teacher, x).toTypedArray().includes(-100));
    expect(new Set(isIgnored)).toEqual(new Set([true, false]));
    const make = (world: World) =>
      stepOf(world, { labels: (x) => sureLabels(world.teacher, x), loss });
    expect(compare(make, inputs)).toBe(3);
    // Two recordings of each kind.
    expect(compare(make, inputs, { compare: true })).toBe(5);
  });

  it('throw as the function does where one is out of range, and leave all as it was', () => {
    using _scope = new Scope();
    const world = makeWorld();
    const labelsOf = (x: Tensor): Tensor => cast(max(x, 1), 'int32');
    const step = stepOf(world, { labels: labelsOf, loss: crossEntropy });
    const { fast, calls } = programOf(world, step);
    const good = zeros([7, 12]);
    const bad = where(gt(randn([7, 12]), 0.5), 9, 0);
    for (let i = 0; i < 4; i++) fast(good);
    const before = stateOf(world);
    const eager = makeWorld();
    const message = messageOf(() => crossEntropy(eager.student.forward(bad), labelsOf(bad)));
    expect(message).toMatch(/label 9 at element \d is outside/);
    expect(() => fast(bad)).toThrow(ShapeError);
    expect(() => fast(bad)).toThrow(message);
    expect(stateOf(world)).toBe(before);
    fast(good);
    expect(calls()).toBe(2);
  });
});

describe('a program that decides by numbers', () => {
  it('is compared with what was decided alike', () => {
    using _scope = new Scope();
    const { teacher } = makeWorld();
    const fast = compile((x: Tensor, y: Tensor) => {
      return crossEntropy(x, sureLabels(teacher, y), { reduction: 'none' });
    });
    const x = randn([33, CLASSES]);
    const inputs = Array.from({ length: 12 }, () => randn([33, 12]));
    for (const y of inputs) {
      fast.recheck();
      expect(fast(x, y).toArray()).toEqual(
        crossEntropy(x, sureLabels(teacher, y), { reduction: 'none' }).toArray(),
      );
    }
    expect(fast.refusal).toBeNull();
  });

  it('takes the other program, or records one, also in turns', async () => {
    let clock = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1000));
    const { teacher } = makeWorld();
    const lossOf = (x: Tensor, y: Tensor): Tensor => crossEntropy(x, sureLabels(teacher, y));
    let calls = 0;
    const fast = compile((x: Tensor, y: Tensor) => {
      calls++;
      return lossOf(x, y);
    });
    const scope = new Scope();
    const x = randn([33, CLASSES]);
    const given: Tensor[] = [];
    for (let i = 0; i < 10; i++) {
      const y = mul(randn([33, 12]), 1 + i / 10);
      const expected = lossOf(x, y).item();
      const loss = await fast.runAsync(x, y);
      expect(loss.item()).toBe(expected);
      given.push(loss);
    }
    expect(calls).toBe(2);
    scope.close();
    expect(given.map(({ isDisposed }) => isDisposed)).toEqual(given.map(() => true));
    fast.dispose();
    now.mockRestore();
  });

  it('is refused where these follow from what it draws', () => {
    using _scope = new Scope();
    const world = makeWorld();
    const { student } = world;
    const { fast } = programOf(
      world,
      stepOf(world, { labels: (x) => argmax(student.forward(x), 1), loss: crossEntropy }),
    );
    const call = (): void => {
      for (let i = 0; i < 4; i++) fast(randn([9, 12]));
    };
    expect(call).toThrow(TapeError);
    expect(call).toThrow(/decides what to do by the result of argmax, which follows from what/);
  });
});
