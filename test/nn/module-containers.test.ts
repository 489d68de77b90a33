import {
  ConfigError,
  ones,
  Parameter,
  sum,
  Tape,
  tensor,
  zeros,
  type Scope,
  type Tensor,
} from '@unfold/core';
import { BatchNorm2d, Dropout, Linear, Module, Sequential } from '@unfold/nn';
import { EMA, SGD } from '@unfold/train';
import { describe, expect, it } from 'vitest';

const linear = (): Linear => new Linear(1, 1, { bias: false });
const parameter = (): Parameter => new Parameter(zeros([1]));
const trained = (): Tensor => tensor([1], undefined, { requiresGrad: true });

/** A module with these properties. */
function holding(properties: object): Module {
  class Holder extends Module {}
  return Object.assign(new Holder(), properties);
}

const stateOf = (module: Module): string[] => [...module.stateDict().keys()];
const namesOf = (module: Module): string[] => [...module.namedModules()].map(([name]) => name);

describe('modules in containers', () => {
  it.each([
    ['an array', [linear(), linear()], ['parts.0.weight', 'parts.1.weight']],
    [
      'a Map',
      new Map<unknown, Module>([
        ['a', linear()],
        [7, linear()],
        [{}, linear()],
      ]),
      ['parts.a.weight', 'parts.7.weight', 'parts.2.weight'],
    ],
    ['a Set', new Set([linear(), linear()]), ['parts.0.weight', 'parts.1.weight']],
    [
      'a plain object',
      { left: linear(), right: linear() },
      ['parts.left.weight', 'parts.right.weight'],
    ],
    [
      'an object without prototype',
      Object.assign(Object.create(null) as object, { left: linear() }),
      ['parts.left.weight'],
    ],
    [
      'containers in containers',
      [[linear()], new Map([['m', { o: new Set([linear()]) }]])],
      ['parts.0.0.weight', 'parts.1.m.o.0.weight'],
    ],
    [
      'a list of entries',
      [
        ['conv', linear()],
        [3, linear(), null, undefined],
      ],
      ['parts.0.1.weight', 'parts.1.1.weight'],
    ],
  ])('are found in %s', (_, parts, expected) => {
    const module = holding({ parts });
    expect(stateOf(module)).toEqual(expected);
    expect([...module.namedParameters()].map(([name]) => name)).toEqual(expected);
    const children = expected.map((name) => name.replace('.weight', ''));
    expect([...module.namedChildren()].map(([name]) => name)).toEqual(children);
    expect(namesOf(module)).toEqual(['', ...children]);
  });

  it('follow train, eval, freeze, zeroGrad, loadStateDict and dispose', () => {
    class Net extends Module {
      readonly layers = [linear(), new Dropout(0.5)] as const;
      readonly norms = new Map([['first', new BatchNorm2d(2)]]);
    }
    const net = new Net();
    const [first, dropout] = net.layers;
    const norm = net.norms.get('first');
    const modes = (): unknown[] => [dropout.training, norm?.training];
    expect(net.eval()).toBe(net);
    expect(modes()).toEqual([false, false]);
    net.train();
    expect(modes()).toEqual([true, true]);
    net.freeze();
    expect(first.weight.requiresGrad).toBe(false);
    net.unfreeze();
    expect(first.weight.requiresGrad).toBe(true);
    expect([...net.namedBuffers()].map(([name]) => name)).toEqual([
      'norms.first.running_mean',
      'norms.first.running_var',
      'norms.first.num_batches_tracked',
    ]);
    net.loadStateDict({ 'layers.0.weight': tensor([[5]]) }, { strict: false });
    expect(first.weight.toArray()).toEqual([[5]]);
    net.dispose();
    expect([first.weight.isDisposed, norm?.runningMean?.isDisposed]).toEqual([true, true]);
  });

  it('are trained', () => {
    class Net extends Module {
      readonly layers = [linear(), linear()];
      forward(x: Tensor): Tensor {
        return this.layers.reduce((out, layer) => layer.forward(out), x);
      }
    }
    const net = new Net();
    const before = net.layers.map(({ weight }) => weight.item());
    const optimizer = new SGD(net.parameters(), { lr: 0.5 });
    Tape.run((tape) => {
      tape.backward(sum(net.forward(ones([2, 1]))));
      optimizer.step();
    });
    const after = net.layers.map(({ weight }) => weight.item());
    expect(after.every((value, i) => value !== before[i])).toBe(true);
  });
});

describe('parameters in containers, and tensors with requiresGrad', () => {
  it("are listed in PyTorch's order: a container is a module without a name of its own", () => {
    const module = holding({
      head: linear(),
      weights: [parameter(), linear(), parameter()],
      scale: parameter(),
      gain: trained(),
      byName: { shift: trained() },
    });
    expect(stateOf(module)).toEqual([
      'scale',
      'gain',
      'head.weight',
      'weights.0',
      'weights.2',
      'weights.1.weight',
      'byName.shift',
    ]);
  });

  it('a plain tensor is trained, averaged, frozen and thawed as a Parameter', () => {
    const gain = trained();
    const module = holding({ gain, constant: tensor([3]) });
    expect(stateOf(module)).toEqual(['gain']);
    expect([...module.namedBuffers()]).toEqual([]);
    const optimizer = new SGD(module.parameters(), { lr: 1 });
    const averages = new EMA(module, { decay: 0.5 });
    averages.update();
    Tape.run((tape) => tape.backward(sum(gain)));
    optimizer.step();
    averages.update();
    expect(gain.item()).toBe(0);
    expect(averages.stateDict().tensors.get('gain')?.item()).toBe(0.5);
    module.freeze();
    expect(gain.requiresGrad).toBe(false);
    expect(stateOf(module)).toEqual(['gain']);
    module.unfreeze();
    expect(gain.requiresGrad).toBe(true);
  });

  it('a result that a module keeps is no parameter, on a tape or later', () => {
    class Net extends Module {
      readonly layer = linear();
      last: Tensor | null = null;
      readonly all: Tensor[] = [];
      forward(x: Tensor): Tensor {
        this.last = this.layer.forward(x).keep();
        this.all.push(this.last);
        return this.last;
      }
    }
    const net = new Net();
    Tape.run((tape: Scope) => {
      net.forward(ones([1, 1]));
      expect(tape.isClosed).toBe(false);
      expect(net.last?.isLeaf).toBe(false);
      expect(stateOf(net)).toEqual(['layer.weight']);
    });
    expect(net.last?.isLeaf).toBe(true);
    expect(stateOf(net)).toEqual(['layer.weight']);
  });
});

describe('what is shared or goes round', () => {
  it('one layer in two places is named twice, and listed once', () => {
    const layer = linear();
    const module = holding({ layers: [layer, layer], again: layer });
    expect(stateOf(module)).toEqual(['layers.0.weight', 'layers.1.weight', 'again.weight']);
    expect([...module.parameters()]).toEqual([layer.weight]);
    expect(namesOf(module)).toEqual(['', 'layers.0']);
    expect([...module.modules()]).toEqual([module, layer]);
  });

  it('a container that holds itself, and a child that knows its parent', () => {
    class Child extends Module {
      parent: Module | null = null;
      readonly weight = parameter();
    }
    const child = new Child();
    const list: unknown[] = [child];
    list.push(list, { list });
    const parent = holding({ list, own: parameter() });
    child.parent = parent;
    expect(stateOf(parent)).toEqual(['own', 'list.0.weight']);
    expect(stateOf(child)).toEqual(['weight', 'parent.own']);
    expect(namesOf(parent)).toEqual(['', 'list.0']);
    parent.eval();
    expect([parent.training, child.training]).toEqual([false, false]);
    expect(String(parent)).toContain('(parent): Holder(…)');
    expect(parent.parameterCount()).toBe(2);
    parent.dispose();
  });

  it('two tensors of one name are an error', () => {
    const module = holding({ 'a.weight': parameter(), a: linear() });
    expect(() => module.stateDict()).toThrow(ConfigError);
    expect(() => module.stateDict()).toThrow(
      'Holder.stateDict: expected names of their own for all tensors, got a.weight for ' +
        'float32 tensor [1] and for float32 tensor [1,1]; rename a property, a key or a buffer',
    );
  });
});

describe('what is no part of a module', () => {
  it('objects of other classes, #private fields, tensors without requiresGrad', () => {
    class Bag {
      readonly layer = linear();
    }
    class Net extends Module {
      readonly bag = new Bag();
      readonly mean = zeros([2]);
      readonly rates = new Float32Array(4);
      readonly when = new Date(0);
      readonly #hidden = linear();
      forward(x: Tensor): Tensor {
        return this.#hidden.forward(x);
      }
    }
    expect(stateOf(new Net())).toEqual([]);
  });

  it('a container that begins with 1,000 entries of data is not walked to its end', () => {
    let reads = 0;
    const data = new Proxy<number[]>(new Array<number>(1_000_000).fill(1), {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
        return Reflect.get(target, key) as unknown;
      },
    });
    const module = holding({ log: data, layers: [...new Array<number>(900).fill(0), linear()] });
    expect(stateOf(module)).toEqual(['layers.900.weight']);
    expect(reads).toBe(1000);
    // Rows of rows, too, end soon.
    reads = 0;
    const rows = Array.from({ length: 500 }, () => [data, data]);
    expect(stateOf(holding({ rows, layer: linear() }))).toEqual(['layer.weight']);
    expect(reads).toBeLessThan(50_000);
  });

  it('nor is a plain object, whose later properties are not even read', () => {
    let reads = 0;
    const data = {};
    for (let i = 0; i < 3000; i++) {
      Object.defineProperty(data, `entry${i}`, { enumerable: true, get: () => reads++ });
    }
    expect(stateOf(holding({ data, layers: { head: linear() } }))).toEqual(['layers.head.weight']);
    expect(reads).toBe(1000);
  });

  it('more layers than that are all found', () => {
    const layer = linear();
    const layers = Array.from({ length: 2500 }, () => layer);
    expect(stateOf(holding({ layers }))).toHaveLength(2500);
  });
});

describe('a class that lists its children itself', () => {
  it('keeps its names, and the parameters in its containers', () => {
    class Named extends Module {
      readonly #inner = linear();
      readonly scales = [parameter()];
      override *namedChildren(): Iterable<[string, Module]> {
        yield ['inner', this.#inner];
      }
    }
    expect(stateOf(new Named())).toEqual(['scales.0', 'inner.weight']);
    expect(stateOf(holding({ chain: [new Sequential(linear())] }))).toEqual(['chain.0.0.weight']);
  });

  it('train of its own is called, once for each place, also for a layer in a list', () => {
    class Stubborn extends Dropout {
      override train(): this {
        return super.train(false);
      }
    }
    const layer = new Stubborn(0.1);
    holding({ list: [layer] }).train();
    expect(layer.training).toBe(false);
  });
});

describe('namedModules', () => {
  it('lists a module before those inside it, under a prefix if there is one', () => {
    const model = new Sequential(new Sequential(linear()), new Dropout(0.1));
    expect(namesOf(model)).toEqual(['', '0', '0.0', '1']);
    expect([...model.namedModules('net')].map(([name]) => name)).toEqual([
      'net',
      'net.0',
      'net.0.0',
      'net.1',
    ]);
  });

  it('namedParameters without recurse lists those of the module alone', () => {
    const module = holding({ own: parameter(), list: [parameter()], layer: linear() });
    const own = module.namedParameters('', { recurse: false });
    expect([...own].map(([name]) => name)).toEqual(['own', 'list.0']);
  });

  it('setting training changes one module, as in PyTorch', () => {
    const model = new Sequential(new Dropout(0.1));
    model.training = false;
    expect([...model.modules()].map(({ training }) => training)).toEqual([false, true]);
  });
});
