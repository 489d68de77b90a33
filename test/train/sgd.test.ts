import {
  ConfigError,
  DisposedError,
  DTypeError,
  heapStats,
  mul,
  ones,
  Parameter,
  sum,
  Tape,
  TapeError,
  tensor,
  unscoped,
} from '@unfold/core';
import { linearDecay, SGD, type SGDOptions } from '@unfold/train';
import { describe, expect, it } from 'vitest';

function parameter(values: readonly number[]): Parameter {
  return new Parameter(tensor(values));
}

/** Gives `p` the gradient `values`, as a backward would. */
function setGrad(p: Parameter, values: readonly number[]): void {
  p.zeroGrad();
  p.grad = unscoped(() => tensor(values));
}

describe('wrong options', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['no lr', {}, 'SGD: lr must be a finite number of at least 0, got undefined'],
    ['a negative lr', { lr: -0.1 }, 'SGD: lr must be a finite number of at least 0, got -0.1'],
    ['an lr of NaN', { lr: NaN }, 'SGD: lr must be a finite number of at least 0, got NaN'],
    [
      'an infinite lr',
      { lr: Infinity },
      'SGD: lr must be a finite number of at least 0, got Infinity',
    ],
    ['an lr as text', { lr: '0.1' }, "SGD: lr must be a finite number of at least 0, got '0.1'"],
    [
      'a negative momentum',
      { lr: 1, momentum: -1 },
      'SGD: momentum must be a finite number of at least 0, got -1',
    ],
    [
      'a negative weight decay',
      { lr: 1, weightDecay: -1 },
      'SGD: weightDecay must be a finite number of at least 0, got -1',
    ],
    [
      'a dampening of NaN',
      { lr: 1, dampening: NaN },
      'SGD: dampening must be a finite number, got NaN',
    ],
    [
      'nesterov without momentum',
      { lr: 1, nesterov: true },
      'SGD: nesterov needs a momentum above 0 and no dampening, got momentum 0 and dampening 0',
    ],
    [
      'nesterov with dampening',
      { lr: 1, nesterov: true, momentum: 0.9, dampening: 0.1 },
      'SGD: nesterov needs a momentum above 0 and no dampening, got momentum 0.9 and dampening 0.1',
    ],
    ['an unknown option', { lr: 1, weight_decay: 0.1 }, "SGD: unknown option 'weight_decay'"],
  ])('%s', (_, options, message) => {
    // JavaScript callers may pass anything.
    const make = (): SGD => new SGD([parameter([1])], options as Partial<SGDOptions> as SGDOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  it('no parameters', () => {
    expect(() => new SGD([], { lr: 1 })).toThrow(
      new ConfigError('SGD: got no parameters; pass model.parameters()'),
    );
  });

  it('a tensor that is no Parameter', () => {
    const given: Iterable<Parameter> = [tensor([1]) as Parameter];
    expect(() => new SGD(given, { lr: 1 })).toThrow(
      new DTypeError(
        'SGD: expected Parameters, got a float32 tensor [1] among them; pass model.parameters()',
      ),
    );
  });

  it('a learning rate that a schedule sets', () => {
    const optimizer = new SGD([parameter([1])], { lr: 0.1 });
    expect(() => (optimizer.lr = 0 / 0)).toThrow(
      new ConfigError('SGD: lr must be a finite number of at least 0, got NaN'),
    );
    expect(optimizer.lr).toBe(0.1);
  });
});

describe('step', () => {
  it('leaves a parameter without gradient alone, and others not', () => {
    const [frozen, trained] = [parameter([1, 2]), parameter([1, 2])];
    const optimizer = new SGD([frozen, trained], { lr: 0.5, momentum: 0.9, weightDecay: 0.25 });
    setGrad(trained, [1, -1]);
    optimizer.step();
    expect(frozen.toArray()).toEqual([1, 2]);
    expect(trained.toArray()).toEqual([1 - 0.5 * 1.25, 2 - 0.5 * -0.5]);
  });

  it('takes the learning rate that is set when it is called', () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 0.5, momentum: 0.5 });
    setGrad(p, [1]);
    optimizer.step();
    expect(p.item()).toBe(0.5);
    optimizer.lr = 0.25;
    optimizer.step();
    // The velocity is 0.5·1 + 1, whatever the rate was before.
    expect(p.item()).toBe(0.5 - 0.25 * 1.5);
    optimizer.lr = 0;
    optimizer.step();
    expect(p.item()).toBe(0.125);
  });

  it('changes a parameter once that is given twice', () => {
    const p = parameter([1]);
    const optimizer = new SGD([p, p], { lr: 0.5 });
    setGrad(p, [1]);
    optimizer.step();
    expect(p.item()).toBe(0.5);
  });

  it('counts as a change in place: a graph from before it is stale', () => {
    const p = parameter([3]);
    const optimizer = new SGD([p], { lr: 0.5 });
    using tape = new Tape();
    const loss = sum(mul(p, p));
    setGrad(p, [1]);
    optimizer.step();
    expect(() => tape.backward(loss)).toThrow(TapeError);
    expect(p.item()).toBe(2.5);
  });

  it('refuses a parameter that was disposed of with its gradient left', () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 0.5 });
    p.dispose();
    using gradient = ones([1]);
    p.grad = gradient;
    expect(() => {
      optimizer.step();
    }).toThrow(DisposedError);
  });
});

describe('memory', () => {
  it('zeroGrad drops and frees all gradients', () => {
    const parameters = [parameter([1]), parameter([2])];
    const optimizer = new SGD(parameters, { lr: 1 });
    const before = heapStats().liveTensors;
    for (const p of parameters) setGrad(p, [1]);
    expect(heapStats().liveTensors).toBe(before + 2);
    optimizer.zeroGrad();
    expect(parameters.map(({ grad }) => grad)).toEqual([null, null]);
    expect(heapStats().liveTensors).toBe(before);
  });

  it('without momentum nothing is kept', () => {
    const p = parameter([1, 2]);
    const optimizer = new SGD([p], { lr: 1, weightDecay: 0.1 });
    setGrad(p, [1, 1]);
    const before = heapStats().usedBytes;
    optimizer.step();
    expect(heapStats().usedBytes).toBe(before);
  });

  it('a velocity outlives the scope of the step that made it, until dispose', () => {
    const p = parameter([1]);
    const optimizer = new SGD([p], { lr: 1, momentum: 0.5 });
    setGrad(p, [1]);
    const before = heapStats().liveTensors;
    for (let step = 0; step < 3; step++) {
      using _tape = new Tape();
      optimizer.step();
    }
    expect(heapStats().liveTensors).toBe(before + 1);
    expect(p.item()).toBe(1 - 1 - 1.5 - 1.75);
    optimizer.dispose();
    expect(heapStats().liveTensors).toBe(before);
    // After it, momentum starts anew.
    optimizer.step();
    expect(p.item()).toBe(-3.25 - 1);
    optimizer.dispose();
  });
});

it('linearDecay falls from 1, and would reach 0 after the last step', () => {
  expect([0, 1, 2, 3].map((step) => linearDecay(step, 4))).toEqual([1, 0.75, 0.5, 0.25]);
});
