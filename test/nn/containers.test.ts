import { add, compile, ConfigError, ones, sum, tensor, type Tensor } from '@unfold/core';
import {
  Conv2d,
  Dropout,
  Flatten,
  Identity,
  Linear,
  Module,
  ModuleDict,
  ModuleList,
  ReLU,
  Sequential,
  summary,
  Tanh,
  type Layer,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { call, make, refuseMisuses, send } from '../support/misuse.js';

const linear = (): Linear => new Linear(1, 1, { bias: false });
const stateOf = (module: Module): string[] => [...module.stateDict().keys()];

/** A layer that adds a number, so that the layers that ran, and their order, show. */
class Then extends Module {
  readonly digit: number;

  constructor(digit: number) {
    super();
    this.digit = digit;
  }

  forward(x: Tensor): Tensor {
    return add(add(x, x), this.digit);
  }
}

/** What layers make of 0, one after another. */
const run = (layers: Iterable<Layer>): number =>
  [...layers].reduce<Tensor>((x, layer) => layer.forward(x), tensor([0])).item();

describe('Sequential', () => {
  const [conv, relu] = [new Conv2d(1, 2, 3), new ReLU()];

  it.each([
    ['an object', () => new Sequential({ conv, relu })],
    ['a Map', () => new Sequential(new Map<string, Layer>(Object.entries({ conv, relu })))],
  ])('takes names by %s', (_, build) => {
    const model = build();
    expect(stateOf(model)).toEqual(['conv.weight', 'conv.bias']);
    expect([...model]).toEqual([conv, relu]);
    expect(String(model)).toBe(
      'Sequential(\n' +
        '  (conv): Conv2d(1, 2, kernelSize=[3, 3], stride=[1, 1])\n' +
        '  (relu): ReLU()\n' +
        ')',
    );
    expect(summary(model, [1, 1, 4, 4]).rows.map(({ path }) => path)).toEqual(['', 'conv', 'relu']);
    expect(() => model.forward(ones([1, 2, 4, 4]))).toThrow(
      /; in layer conv of the Sequential \(Conv2d\)$/,
    );
  });

  it('has a length, positions from both ends, and its layers in order', () => {
    const layers = [new Then(1), new Then(2), new Then(3)];
    const model = new Sequential(...layers);
    expect(model.length).toBe(3);
    expect([model.at(0), model.at(2), model.at(-1), model.at(-3)]).toEqual([
      layers[0],
      layers[2],
      layers[2],
      layers[0],
    ]);
    expect([...model]).toEqual(layers);
    expect(run([model])).toBe(run(layers));
  });

  it('append puts a layer last, under its position', () => {
    const model = new Sequential({ first: new Then(1) });
    expect(model.append(new Then(2)).append(linear())).toBe(model);
    expect([...model.namedChildren()].map(([name]) => name)).toEqual(['first', '1', '2']);
    expect(stateOf(model)).toEqual(['2.weight']);
    expect(model.length).toBe(3);
  });

  it('without layers gives its input', () => {
    const x = tensor([1]);
    expect(new Sequential().forward(x)).toBe(x);
    expect(new Sequential({}).length).toBe(0);
    expect(String(new Sequential())).toBe('Sequential()');
  });
});

describe('ModuleList', () => {
  const digits = (list: ModuleList<Then>): number[] => [...list].map(({ digit }) => digit);

  it('is built and changed as a list', () => {
    const list = new ModuleList([new Then(1), new Then(2)]);
    expect(digits(list.append(new Then(3)))).toEqual([1, 2, 3]);
    expect(digits(list.extend(new Set([new Then(4), new Then(5)])))).toEqual([1, 2, 3, 4, 5]);
    expect(digits(list.insert(0, new Then(6)))).toEqual([6, 1, 2, 3, 4, 5]);
    expect(digits(list.insert(-1, new Then(7)))).toEqual([6, 1, 2, 3, 4, 5, 7]);
    expect(digits(list.insert(7, new Then(8)))).toEqual([6, 1, 2, 3, 4, 5, 7, 8]);
    expect(digits(list.set(-2, new Then(9)))).toEqual([6, 1, 2, 3, 4, 5, 9, 8]);
    expect(list.pop().digit).toBe(8);
    expect(list.pop(1).digit).toBe(1);
    expect(digits(list)).toEqual([6, 2, 3, 4, 5, 9]);
    expect([list.length, list.at(-1).digit, list.at(1).digit]).toEqual([6, 9, 2]);
    expect(digits(list.extend(list)).length).toBe(12);
  });

  it('is a copy of what it was given', () => {
    const given = [new Then(1)];
    const list = new ModuleList(given);
    given.push(new Then(2));
    expect(list.length).toBe(1);
  });

  it("has PyTorch's names in a module, and is printed so", () => {
    class Net extends Module {
      readonly layers = new ModuleList<Module>([linear(), new Dropout(0.5)]);
      readonly head = linear();
    }
    const net = new Net();
    expect(stateOf(net)).toEqual(['layers.0.weight', 'head.weight']);
    net.eval();
    expect([...net.layers].map(({ training }) => training)).toEqual([false, false]);
    net.layers.insert(0, new Identity());
    expect(stateOf(net)).toEqual(['layers.1.weight', 'head.weight']);
    expect(String(net.layers)).toBe(
      'ModuleList(\n' +
        '  (0): Identity()\n' +
        '  (1): Linear(inFeatures=1, outFeatures=1, bias=false)\n' +
        '  (2): Dropout(p=0.5)\n' +
        ')',
    );
  });
});

describe('ModuleDict', () => {
  it('is built and changed as a Map', () => {
    const [relu, tanh, flat] = [new ReLU(), new Tanh(), new Flatten()];
    const dict = new ModuleDict<Module>({ relu, tanh });
    expect([dict.size, dict.get('tanh'), dict.has('relu'), dict.has('x')]).toEqual([
      2,
      tanh,
      true,
      false,
    ]);
    expect(dict.set('flat', flat).set('relu', flat)).toBe(dict);
    expect([...dict.keys()]).toEqual(['relu', 'tanh', 'flat']);
    expect([...dict.values()]).toEqual([flat, tanh, flat]);
    expect([dict.delete('tanh'), dict.delete('tanh')]).toEqual([true, false]);
    expect([...dict]).toEqual([
      ['relu', flat],
      ['flat', flat],
    ]);
    expect([...dict.entries()]).toEqual([...dict]);
    expect(new ModuleDict().size).toBe(0);
  });

  it("has PyTorch's names in a module, and is printed so", () => {
    class Net extends Module {
      readonly heads = new ModuleDict(
        new Map([
          ['b', linear()],
          ['1', linear()],
        ]),
      );
    }
    const net = new Net();
    expect(stateOf(net)).toEqual(['heads.b.weight', 'heads.1.weight']);
    net.heads.get('b').training = false;
    net.train();
    expect(net.heads.get('b').training).toBe(true);
    expect(String(new ModuleDict({ act: new ReLU() }))).toBe('ModuleDict(\n  (act): ReLU()\n)');
  });
});

describe('a compiled program notices that a container changed', () => {
  it('a Sequential that was appended to', () => {
    const model = new Sequential(new Then(1));
    const forward = compile(model);
    const x = tensor([1]);
    for (let i = 0; i < 3; i++) expect(forward(x).item()).toBe(3);
    model.append(new Then(4));
    for (let i = 0; i < 3; i++) expect(forward(x).item()).toBe(10);
  });

  it('a list, and a dictionary', () => {
    class Net extends Module {
      readonly list = new ModuleList<Then>([new Then(1)]);
      readonly dict = new ModuleDict<Then>({ a: new Then(5) });
      forward(x: Tensor): Tensor {
        const out = [...this.list].reduce((y, layer) => layer.forward(y), x);
        return [...this.dict.values()].reduce((y, layer) => layer.forward(y), out);
      }
    }
    const net = new Net();
    const forward = compile(net);
    const x = tensor([1]);
    const all = (): number => run([new Then(1), ...net.list, ...net.dict.values()]);
    const check = (): void => {
      for (let i = 0; i < 3; i++) expect(forward(x).item()).toBe(all());
    };
    check();
    net.list.insert(0, new Then(2));
    check();
    net.list.set(1, new Then(3));
    check();
    net.list.pop(0);
    check();
    net.dict.set('b', new Then(6));
    check();
    net.dict.set('a', new Then(7));
    check();
    net.dict.delete('b');
    check();
  });
});

describe('a call that is wrong is an error that names the right one', () => {
  const relu = new ReLU();
  refuseMisuses([
    [
      'new Sequential({ relu: ReLU })',
      () => make(Sequential, { relu: ReLU }),
      ConfigError,
      'Sequential: expected a layer, such as new ReLU(), for relu, got the function ReLU; make one: new ReLU(…)',
    ],
    [
      "new Sequential({ 'a.b': relu })",
      () => make(Sequential, { 'a.b': relu }),
      ConfigError,
      "Sequential: expected a name for each module, not empty and without a dot, got 'a.b'",
    ],
    [
      'new Sequential(new Map([[1, relu]]))',
      () => make(Sequential, new Map([[1, relu]])),
      ConfigError,
      'Sequential: expected a name for each module, not empty and without a dot, got 1',
    ],
    [
      'new Sequential(list)',
      () => make(Sequential, new ModuleList([relu])),
      ConfigError,
      'Sequential: expected a layer, such as new ReLU(), at position 0, got a ModuleList; give layers one by one: new Sequential(...layers)',
    ],
    [
      'sequential.at(2)',
      () => new Sequential(relu, relu).at(2),
      ConfigError,
      'Sequential.at: expected -2 … 1, got 2',
    ],
    [
      "sequential.at('conv')",
      () => send(new Sequential(relu), 'at', 'conv'),
      ConfigError,
      "Sequential.at: expected -1 … 0, got 'conv'",
    ],
    [
      'new Sequential().at(0)',
      () => new Sequential().at(0),
      ConfigError,
      'Sequential.at: expected a position, and there is none, got 0',
    ],
    [
      'sequential.append([relu])',
      () => send(new Sequential(relu), 'append', [relu]),
      ConfigError,
      'Sequential.append: expected a layer, such as new ReLU(), at position 1, got [a ReLU]; give layers one by one: new Sequential(...layers)',
    ],
    [
      'append to layers of which one is named so',
      () => new Sequential({ '1': relu }).append(relu),
      ConfigError,
      "Sequential.append: expected no layer named '1', got one; name the layers otherwise",
    ],
    [
      'new ModuleList(relu, relu)',
      () => make(ModuleList, relu, relu),
      ConfigError,
      'ModuleList: expected a list of modules, got a ReLU',
    ],
    [
      'new ModuleList([relu, Tanh])',
      () => make(ModuleList, [relu, Tanh]),
      ConfigError,
      'ModuleList: expected a module at position 1, got the function Tanh; make one: new Tanh(…)',
    ],
    [
      "list.extend('ab')",
      () => send(new ModuleList(), 'extend', 'ab'),
      ConfigError,
      "ModuleList.extend: expected a list of modules, got 'ab'",
    ],
    [
      'list.append([relu])',
      () => send(new ModuleList([relu]), 'append', [relu]),
      ConfigError,
      'ModuleList.append: expected a module at position 1, got [a ReLU]',
    ],
    [
      'list.insert(relu)',
      () => send(new ModuleList([relu]), 'insert', relu),
      ConfigError,
      'ModuleList.insert: expected -2 … 1, got a ReLU',
    ],
    [
      'list.set(1, relu)',
      () => new ModuleList([relu]).set(1, relu),
      ConfigError,
      'ModuleList.set: expected -1 … 0, got 1',
    ],
    [
      'new ModuleList().pop()',
      () => new ModuleList().pop(),
      ConfigError,
      'ModuleList.pop: expected a position, and there is none, got -1',
    ],
    [
      'new ModuleDict([relu])',
      () => make(ModuleDict, [relu]),
      ConfigError,
      'ModuleDict: expected modules by name, such as { relu: new ReLU() }, got [a ReLU]',
    ],
    [
      "dict.set('', relu)",
      () => new ModuleDict().set('', relu),
      ConfigError,
      "ModuleDict: expected a name for each module, not empty and without a dot, got ''",
    ],
    [
      "dict.set('relu', relu.forward)",
      () => send(new ModuleDict(), 'set', 'relu', sum),
      ConfigError,
      'ModuleDict: expected a module for relu, got the function sum',
    ],
    [
      "dict.get('Relu')",
      () => new ModuleDict({ relu, tanh: new Tanh() }).get('Relu'),
      ConfigError,
      "ModuleDict.get: expected a name that there is, got 'Relu'; the names are 'relu', 'tanh'",
    ],
    [
      "new ModuleDict().get('a')",
      () => call((dict: ModuleDict) => dict.get('a'), new ModuleDict()),
      ConfigError,
      "ModuleDict.get: expected a name that there is, got 'a'; there is none",
    ],
  ]);
});
