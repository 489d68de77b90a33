import {
  DisposedError,
  DTypeError,
  full,
  heapStats,
  manualSeed,
  Parameter,
  Scope,
  ShapeError,
  sum,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { Conv2d, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential } from '@unfold/nn';
import { afterEach, describe, expect, it } from 'vitest';

/** The network of the README: two named parts, one of them a chain. */
class Net extends Module {
  readonly features = new Sequential(
    new Conv2d(1, 2, 3),
    new ReLU(),
    new Conv2d(2, 3, [2, 1], { bias: false }),
    new Flatten(),
  );
  readonly head = new Linear(3 * 3 * 4, 5);
  forward(x: Tensor): Tensor {
    return this.head.forward(this.features.forward(x));
  }
}

/** Parameters, a buffer and a child, declared in an order that is not the state's. */
class Mixed extends Module {
  readonly child = new Linear(2, 1, { bias: false });
  readonly scale: Parameter;

  constructor() {
    super();
    this.registerBuffer('runningMean', zeros([2]));
    this.scale = new Parameter(full([3], 2));
  }

  forward(x: Tensor): Tensor {
    return this.child.forward(x);
  }
}

/** One layer under two names. */
class Tied extends Module {
  readonly encode = new Linear(2, 2, { bias: false });
  readonly decode = this.encode;
  forward(x: Tensor): Tensor {
    return this.decode.forward(this.encode.forward(x));
  }
}

const made: Module[] = [];
function make<M extends Module>(module: M): M {
  made.push(module);
  return module;
}
afterEach(() => {
  for (const module of made.splice(0)) module.dispose();
});

/** The numbers of a state, by name. */
function valuesOf(module: Module): Record<string, number[]> {
  return Object.fromEntries(
    [...module.stateDict()].map(([name, { data }]) => [name, Array.from(data)]),
  );
}

describe('stateDict', () => {
  it("has PyTorch's names, order and layouts", () => {
    const state = make(new Net()).stateDict();
    expect([...state].map(([name, { shape }]) => [name, shape])).toEqual([
      ['features.0.weight', [2, 1, 3, 3]],
      ['features.0.bias', [2]],
      ['features.2.weight', [3, 2, 2, 1]],
      ['head.weight', [5, 36]],
      ['head.bias', [5]],
    ]);
  });

  it("lists a module's own parameters, then its buffers, then its children", () => {
    const module = make(new Mixed());
    expect([...module.stateDict().keys()]).toEqual(['scale', 'runningMean', 'child.weight']);
    expect([...module.namedParameters()].map(([name]) => name)).toEqual(['scale', 'child.weight']);
    expect([...module.namedBuffers()].map(([name]) => name)).toEqual(['runningMean']);
  });

  it('holds the tensors themselves', () => {
    const net = make(new Net());
    expect(net.stateDict().get('head.weight')).toBe(net.head.weight);
  });

  it('names a shared layer twice, as PyTorch does; its parameter is listed and counted once', () => {
    const tied = make(new Tied());
    expect([...tied.stateDict().keys()]).toEqual(['encode.weight', 'decode.weight']);
    expect([...tied.namedParameters()].map(([name]) => name)).toEqual(['encode.weight']);
    expect([...tied.parameters()]).toEqual([tied.encode.weight]);
    expect(tied.parameterCount()).toBe(4);
  });
});

describe('a shared layer', () => {
  it('adds up the gradients of its uses', () => {
    const tied = make(new Tied());
    tied.encode.weight.update((data) => data.set([2, 0, 0, 3]));
    using tape = new Tape();
    tape.backward(sum(tied.forward(tensor([[1, 1]]))));
    // d(Σ W·W·x)/dW by hand: Wᵀ·1·xᵀ + 1·(W·x)ᵀ.
    expect(tied.encode.weight.grad?.toArray()).toEqual([
      [2 + 2, 2 + 3],
      [3 + 2, 3 + 3],
    ]);
  });
});

describe('loadStateDict', () => {
  it('copies the numbers, not the tensors', () => {
    manualSeed(1);
    const source = make(new Net());
    const target = make(new Net());
    const weight = target.head.weight;
    expect(valuesOf(target)).not.toEqual(valuesOf(source));
    target.loadStateDict(source.stateDict());
    expect(valuesOf(target)).toEqual(valuesOf(source));
    expect(target.head.weight).toBe(weight);
    source.head.weight.update((data) => data.fill(7));
    expect(valuesOf(target)).not.toEqual(valuesOf(source));
  });

  it('takes a plain record, and buffers too', () => {
    using _scope = new Scope();
    const module = make(new Mixed());
    module.loadStateDict({
      scale: tensor([1, 2, 3]),
      runningMean: tensor([4, 5]),
      'child.weight': tensor([[6, 7]]),
    });
    expect(valuesOf(module)).toEqual({
      scale: [1, 2, 3],
      runningMean: [4, 5],
      'child.weight': [6, 7],
    });
  });

  it('lists all that is missing, unexpected and mis-shaped, and changes nothing', () => {
    using _scope = new Scope();
    const module = make(new Mixed());
    const before = valuesOf(module);
    const load = (): void =>
      module.loadStateDict({
        scale: tensor([9, 9, 9]),
        'child.weight': tensor([[1], [2]]),
        'child.bias': tensor([1]),
        momentum: tensor(1),
      });
    expect(load).toThrow(ShapeError);
    expect(load).toThrow(
      'loadStateDict: the state does not fit Mixed: missing: runningMean; ' +
        'unexpected: child.bias, momentum; child.weight: expected [1,2], got [2,1]',
    );
    expect(valuesOf(module)).toEqual(before);
  });

  it('with strict false, loads what is there and still refuses another shape', () => {
    using _scope = new Scope();
    const module = make(new Mixed());
    const before = valuesOf(module);
    module.loadStateDict({ scale: tensor([1, 2, 3]), other: tensor(1) }, { strict: false });
    expect(valuesOf(module)).toEqual({ ...before, scale: [1, 2, 3] });
    expect(() =>
      module.loadStateDict({ scale: tensor([1]), runningMean: tensor([8, 8]) }, { strict: false }),
    ).toThrow('loadStateDict: the state does not fit Mixed: scale: expected [3], got [1]');
    expect(valuesOf(module)).toEqual({ ...before, scale: [1, 2, 3] });
  });

  it('refuses another dtype, and changes nothing', () => {
    using _scope = new Scope();
    const module = make(new Mixed());
    const before = valuesOf(module);
    const load = (): void =>
      module.loadStateDict({
        scale: tensor([9, 9, 9]),
        runningMean: tensor([1, 2], [2], { dtype: 'float64' }),
        'child.weight': tensor([[6, 7]]),
      });
    expect(load).toThrow(DTypeError);
    expect(load).toThrow('loadStateDict: runningMean is float32, got float64; cast it');
    expect(valuesOf(module)).toEqual(before);
  });

  it('refuses a tensor that was freed, and changes nothing', () => {
    using _scope = new Scope();
    const module = make(new Mixed());
    const before = valuesOf(module);
    const freed = tensor([[6, 7]]);
    freed.dispose();
    expect(() =>
      module.loadStateDict({
        scale: tensor([9, 9, 9]),
        runningMean: tensor([8, 8]),
        'child.weight': freed,
      }),
    ).toThrow(DisposedError);
    expect(valuesOf(module)).toEqual(before);
  });

  it('is seen by backward: weights loaded after forward saved them are an error', () => {
    const layer = make(new Linear(2, 1));
    using tape = new Tape();
    const x = tensor([[1, 2]], undefined, { requiresGrad: true });
    const loss = sum(layer.forward(x));
    layer.loadStateDict(layer.stateDict());
    expect(() => tape.backward(loss)).toThrow('was changed in place after it was saved');
  });
});

describe('buffers', () => {
  it('outlive the scope that they were registered in, and have no gradient', () => {
    const module = Scope.run(() => make(new Mixed()));
    const [entry] = module.namedBuffers();
    expect(entry?.[1].toArray()).toEqual([0, 0]);
    expect(entry?.[1].requiresGrad).toBe(false);
  });
});

describe('train and eval', () => {
  it('reach every module inside and return the module', () => {
    const net = make(new Net());
    const inside = [...net.features.namedChildren()].map(([, child]) => child);
    const all = [net, net.features, net.head, ...inside];
    expect(inside).toHaveLength(4);
    expect(all.every((module) => module.training)).toBe(true);
    expect(net.eval()).toBe(net);
    expect(all.some((module) => module.training)).toBe(false);
    net.features.train();
    expect(net.training).toBe(false);
    expect(inside.every((module) => module.training)).toBe(true);
    expect(net.train()).toBe(net);
    expect(net.head.training).toBe(true);
  });
});

describe('memory', () => {
  it.each([
    ['in a scope', () => Scope.run(() => new Net())],
    ['outside of any', () => new Net()],
  ])('parameters made %s live on; dispose frees them and their gradients at once', (_, makeNet) => {
    const before = heapStats();
    const net = makeNet();
    Scope.run(() => {
      using tape = new Tape();
      tape.backward(sum(net.forward(zeros([2, 1, 6, 6]))));
    });
    // Five parameters and their gradients.
    expect(heapStats().liveTensors).toBe(before.liveTensors + 10);
    net.zeroGrad();
    expect([...net.parameters()].every(({ grad }) => grad === null)).toBe(true);
    expect(heapStats().liveTensors).toBe(before.liveTensors + 5);
    net.dispose();
    expect(heapStats().liveTensors).toBe(before.liveTensors);
    expect(heapStats().usedBytes).toBe(before.usedBytes);
  });
});

describe('Sequential', () => {
  it('runs its layers in order; without layers it returns its input', () => {
    using _scope = new Scope();
    const chain = make(new Sequential(new ReLU(), new MaxPool2d(2), new Flatten(0)));
    const x = tensor([
      [
        [
          [-5, -6],
          [-7, -8],
        ],
      ],
    ]);
    expect(chain.forward(x).toArray()).toEqual([0]);
    expect(new Sequential().forward(x)).toBe(x);
  });
});
