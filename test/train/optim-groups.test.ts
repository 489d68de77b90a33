import { ConfigError, DTypeError, Parameter, tensor, type Tensor } from '@unfold/core';
import { Adagrad, Adam, type AdamOptions, AdamW, RMSprop, SGD } from '@unfold/train';
import { describe, expect, it } from 'vitest';

const parameter = (...values: number[]) => new Parameter(tensor(values));

/** Options as JavaScript callers may give them. */
const wrong = (options: Record<string, unknown>) => options as AdamOptions;

describe('options', () => {
  it('are those of PyTorch when left out', () => {
    const optionsOf = ({ groups: [group] }: { groups: readonly object[] }) => {
      const { params: _params, ...options } = group as { params: unknown };
      return options;
    };
    const given = [parameter(1)];
    expect(optionsOf(new Adam(given))).toEqual({
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      amsgrad: false,
    });
    expect(optionsOf(new AdamW(given))).toEqual({
      ...optionsOf(new Adam(given)),
      weightDecay: 0.01,
    });
    expect(optionsOf(new RMSprop(given))).toEqual({
      lr: 0.01,
      alpha: 0.99,
      eps: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
    });
    expect(optionsOf(new Adagrad(given))).toEqual({
      lr: 0.01,
      lrDecay: 0,
      weightDecay: 0,
      initialAccumulatorValue: 0,
      eps: 1e-10,
    });
    expect(optionsOf(new Adam(given, wrong({ lr: undefined })))).toEqual(
      optionsOf(new Adam(given)),
    );
  });

  it.each<[Record<string, unknown>, string]>([
    [{ lr: -1 }, 'Adam: lr must be a finite number of at least 0, got -1'],
    [{ betas: [0.9, 1] }, 'Adam: betas must be two numbers from 0, below 1, got [0.9, 1]'],
    [{ betas: [0.9] }, 'Adam: betas must be two numbers from 0, below 1, got [0.9]'],
    [{ betas: 0.9 }, 'Adam: betas must be two numbers from 0, below 1, got 0.9'],
    [{ eps: NaN }, 'Adam: eps must be a finite number of at least 0, got NaN'],
    [{ amsgrad: 1 }, 'Adam: amsgrad must be true or false, got 1'],
    [
      { weight_decay: 0.1 },
      "Adam: unknown option 'weight_decay'; did you mean weightDecay? The options are lr, betas, eps, weightDecay, amsgrad",
    ],
  ])('%o is refused', (options, message) => {
    const given = parameter(1);
    expect(() => new Adam([given], wrong(options))).toThrow(new ConfigError(message));
    expect(() => new Adam([{ params: [given], ...wrong(options) }])).toThrow(
      new ConfigError(message),
    );
  });

  it.each<[string, () => unknown, string]>([
    [
      'an alpha above 1',
      () => new RMSprop([parameter(1)], { alpha: 1.5 }),
      'RMSprop: alpha must be a number from 0 to 1, got 1.5',
    ],
    [
      'a momentum below 0',
      () => new RMSprop([parameter(1)], { momentum: -0.1 }),
      'RMSprop: momentum must be a finite number of at least 0, got -0.1',
    ],
    [
      'a rate decay below 0',
      () => new Adagrad([parameter(1)], { lrDecay: -1 }),
      'Adagrad: lrDecay must be a finite number of at least 0, got -1',
    ],
  ])('%s is refused', (_, make, message) => {
    expect(make).toThrow(new ConfigError(message));
  });
});

describe('groups', () => {
  it('take what they do not say from the defaults', () => {
    const [a, b] = [parameter(1), parameter(2)];
    const optimizer = new AdamW(
      [
        { params: [a, a], lr: 0.5 },
        { params: [b], weightDecay: 0, betas: [0.5, 0.9] },
      ],
      { lr: 0.1, weightDecay: 0.2 },
    );
    const [first, second] = optimizer.groups;
    expect(first).toMatchObject({ lr: 0.5, weightDecay: 0.2, betas: [0.9, 0.999] });
    expect(second).toMatchObject({ lr: 0.1, weightDecay: 0, betas: [0.5, 0.9] });
    expect(first?.params).toEqual([a]);
  });

  it('are updated each with its own options, which may be set', () => {
    const [a, b] = [parameter(1), parameter(1)];
    const optimizer = new SGD([{ params: [a], lr: 0.5 }, { params: [b] }], { lr: 0.25 });
    const step = () => {
      for (const p of [a, b]) p.grad = tensor([1]);
      optimizer.step();
      return [a.item(), b.item()];
    };
    expect(step()).toEqual([0.5, 0.75]);
    const [, second] = optimizer.groups;
    if (second) second.lr = 2;
    expect(step()).toEqual([0, -1.25]);
    expect(optimizer.lr).toBe(0.5);
    optimizer.lr = 1;
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([1, 1]);
    expect(step()).toEqual([-1, -2.25]);
  });

  it('refuse what they cannot be set to, and stay as they were', () => {
    const { groups } = new SGD([parameter(1)], { lr: 1, momentum: 0.5, nesterov: true });
    const [group] = groups;
    const set = (name: string, value: unknown) => () =>
      Object.assign(group ?? {}, { [name]: value });
    expect(set('lr', NaN)).toThrow(
      new ConfigError('SGD: lr must be a finite number of at least 0, got NaN'),
    );
    expect(set('momentum', 0)).toThrow('SGD: nesterov needs a momentum above 0');
    expect(set('learningRate', 1)).toThrow("SGD: unknown option 'learningRate'");
    expect(set('params', [])).toThrow("SGD: a group's parameters cannot be changed");
    expect(set('initialLr', -1)).toThrow('SGD: initialLr must be a finite number of at least 0');
    expect(group).toMatchObject({ lr: 1, momentum: 0.5, nesterov: true });
  });

  it.each<[string, () => unknown, string]>([
    ['no groups', () => new Adam([]), 'Adam: got no parameters; pass model.parameters()'],
    [
      'a group without parameters',
      () => new Adam([{ params: [parameter(1)] }, { params: [] }]),
      'Adam: group 1 has no parameters; leave it out',
    ],
    [
      'a parameter in two groups',
      () => {
        const p = parameter(1, 2);
        return new Adam([{ params: [p] }, { params: [parameter(1), p] }]);
      },
      'Adam: a parameter float32 tensor [2] is in group 0 and in group 1; each belongs to one',
    ],
    [
      'parameters beside groups',
      () => new Adam([parameter(1), { params: [parameter(1)] }] as Iterable<Parameter>),
      'Adam: got parameters beside groups; put them into a group',
    ],
  ])('%s is an error', (_, make, message) => {
    expect(make).toThrow(new ConfigError(message));
  });

  it('a tensor that is no Parameter in a group is an error', () => {
    const params: Iterable<Parameter> = [tensor([1]) as Tensor as Parameter];
    expect(() => new Adam([{ params }])).toThrow(
      new DTypeError(
        'Adam: expected Parameters in group 0, got a float32 tensor [1] among them; pass model.parameters()',
      ),
    );
  });
});

describe('edges of the updates', () => {
  it('a gradient of 0 leaves everything as it is, whatever divides by its root', () => {
    for (const Class of [Adam, AdamW, RMSprop, Adagrad]) {
      const p = parameter(3, -4);
      const optimizer = new Class([p], { lr: 0.1, weightDecay: 0 });
      p.grad = tensor([0, 0]);
      optimizer.step();
      expect(p.toArray()).toEqual([3, -4]);
    }
  });

  it('a variance that rounding makes negative counts as 0 in centered RMSprop', () => {
    // The same gradient again and again: its variance is rounding errors of both signs.
    const p = new Parameter(tensor(Float32Array.from({ length: 999 }, (_, i) => i)));
    const optimizer = new RMSprop([p], { lr: 1e-6, alpha: 0.5, centered: true, eps: 1 });
    p.grad = tensor(Float32Array.from({ length: 999 }, (_, i) => 0.1 + i / 7));
    for (let step = 0; step < 60; step++) optimizer.step();
    expect(p.data.every(Number.isFinite)).toBe(true);
  });

  it('amsgrad that is set later begins with what it then sees', () => {
    const p = parameter(1);
    const optimizer = new Adam([p], { lr: 0.1, betas: [0, 0], eps: 0 });
    const step = (gradient: number) => {
      p.grad = tensor([gradient]);
      optimizer.step();
      return p.item();
    };
    expect(step(4)).toBeCloseTo(0.9, 6);
    const [group] = optimizer.groups;
    if (group) group.amsgrad = true;
    expect(step(2)).toBeCloseTo(0.8, 6);
    // The largest square is 2² from now on.
    expect(step(1)).toBeCloseTo(0.75, 6);
  });
});
