import { add, ConfigError, mul, ones, Tape, Tensor, tensor } from '@unfold/core';
import { evaluationMode, Linear, Module, ReLU, Sequential, type ForwardHook } from '@unfold/nn';
import { describe, expect, it } from 'vitest';

class Double extends Module {
  factor = 2;
  forward(x: Tensor): Tensor {
    return mul(x, this.factor);
  }
}

const x = tensor([1, -2]);
const nothing: ForwardHook = () => undefined;

describe('a forward hook', () => {
  it('is told the module, its inputs and its output, by whoever calls forward', () => {
    const inner = new Double();
    const model = new Sequential(inner, new ReLU());
    const calls: unknown[][] = [];
    const hook: ForwardHook = (...call) => void calls.push(call);
    const handle = inner.registerForwardHook(hook);
    const out = model.forward(x);
    expect(out.toArray()).toEqual([2, 0]);
    const direct = inner.forward(x);
    expect(calls).toHaveLength(2);
    expect(calls[0]?.slice(0, 2)).toEqual([inner, [x]]);
    expect(calls[1]?.[2]).toBe(direct);
    handle.remove();
    handle.remove();
    inner.forward(x);
    expect(calls).toHaveLength(2);
  });

  it('may give another output, which the next hook is told', () => {
    const layer = new Double();
    const seen: unknown[] = [];
    layer.registerForwardHook((_, __, output) => {
      if (output instanceof Tensor) return add(output, 1);
      return undefined;
    });
    layer.registerForwardHook((_, __, output) => {
      if (output instanceof Tensor) seen.push(output.toArray());
    });
    expect(layer.forward(x).toArray()).toEqual([3, -3]);
    expect(seen).toEqual([[3, -3]]);
  });

  it('may take itself or others off while it runs; the same function counts twice', () => {
    const layer = new Double();
    const order: string[] = [];
    const once = layer.registerForwardHook(() => {
      order.push('once');
      once.remove();
    });
    const hook: ForwardHook = () => void order.push('twice');
    layer.registerForwardHook(hook);
    const second = layer.registerForwardHook(hook);
    layer.forward(x);
    second.remove();
    layer.forward(x);
    expect(order).toEqual(['once', 'twice', 'twice', 'twice']);
  });

  it('is part of what the tape records', () => {
    const layer = new Linear(2, 1, { bias: false });
    layer.registerForwardHook((_, __, output) => mul(output as Tensor, 3));
    using tape = new Tape();
    tape.backward(layer.forward(ones([1, 2])));
    expect(layer.weight.grad?.toArray()).toEqual([[3, 3]]);
    layer.dispose();
  });

  it('is not called when forward throws', () => {
    class Broken extends Module {
      forward(): Tensor {
        throw new ConfigError('broken');
      }
    }
    const broken = new Broken();
    broken.registerForwardHook(() => expect.unreachable());
    expect(() => broken.forward()).toThrow('broken');
  });

  it('does not run for super.forward, nor for other objects of the class', () => {
    class Quadruple extends Double {
      override forward(x: Tensor): Tensor {
        return mul(super.forward(x), 2);
      }
    }
    const layer = new Quadruple();
    let calls = 0;
    layer.registerForwardHook(() => void calls++);
    expect(layer.forward(x).toArray()).toEqual([4, -8]);
    new Quadruple().forward(x);
    new Double().forward(x);
    expect(calls).toBe(1);
  });
});

describe('what a hook leaves of the object', () => {
  it('nothing without hooks; no property to be enumerated with one', () => {
    const layer = new Double();
    const { forward } = layer;
    expect(Object.hasOwn(layer, 'forward')).toBe(false);
    const handles = [layer.registerForwardHook(nothing), layer.registerForwardHook(nothing)];
    expect(Object.keys(layer)).toEqual(['factor']);
    handles[0]?.remove();
    expect(layer.forward).not.toBe(forward);
    handles[1]?.remove();
    expect(Object.hasOwn(layer, 'forward')).toBe(false);
    expect(layer.forward).toBe(forward);
  });

  it('a forward that is a property of the object is called, and is back', () => {
    class Arrow extends Module {
      readonly forward = (x: Tensor): Tensor => mul(x, this.training ? 5 : 0);
    }
    const layer = new Arrow();
    const before = Object.getOwnPropertyDescriptor(layer, 'forward');
    let calls = 0;
    const handle = layer.registerForwardHook(() => void calls++);
    expect(layer.forward(x).toArray()).toEqual([5, -10]);
    handle.remove();
    expect(calls).toBe(1);
    expect(Object.getOwnPropertyDescriptor(layer, 'forward')).toEqual(before);
  });

  it('a forward that is assigned meanwhile is looked at, and stays', () => {
    const layer = new Double();
    let calls = 0;
    const handle = layer.registerForwardHook(() => void calls++);
    layer.forward = (x) => mul(x, 7);
    expect(layer.forward(x).toArray()).toEqual([7, -14]);
    handle.remove();
    expect(layer.forward(x).toArray()).toEqual([7, -14]);
    expect(calls).toBe(1);
  });
});

describe('refused', () => {
  it.each<[string, unknown, string]>([
    ['a number, as push returns', 3, 'got 3'],
    ['null', null, 'got null'],
    ['a list in place of a tensor', [x], 'got '],
    ['a promise', Promise.resolve(), 'got a promise'],
  ])('a hook that returns %s', (_, result, got) => {
    const layer = new Double();
    layer.registerForwardHook(() => result);
    expect(() => layer.forward(x)).toThrow(ConfigError);
    expect(() => layer.forward(x)).toThrow(
      'forward hook of Double: expected nothing or a tensor in place of the output, ' + got,
    );
  });

  it('a module without forward, a frozen one, a hook that is no function', () => {
    class Bag extends Module {}
    expect(() => new Bag().registerForwardHook(nothing)).toThrow(
      'Module.registerForwardHook: expected a module with a forward, got Bag; give the hook to ' +
        'the modules inside it',
    );
    const frozen = Object.freeze(new Double());
    expect(() => frozen.registerForwardHook(nothing)).toThrow(
      'expected a module that can be changed, got a frozen or sealed Double',
    );
    expect(() => new Double().registerForwardHook(3 as never)).toThrow(
      new ConfigError(
        'Module.registerForwardHook: expected a function (module, inputs, output), got 3',
      ),
    );
  });
});

describe('evaluationMode', () => {
  it('gives every module its mode back, also one that stands before and inside another', () => {
    const shared = new ReLU();
    const outer = new Sequential(shared);
    const model = new Sequential(shared, outer);
    shared.training = false;
    const modes = (): boolean[] => [...model.modules()].map(({ training }) => training);
    expect(modes()).toEqual([true, false, true]);
    const restore = evaluationMode(model);
    expect(modes()).toEqual([false, false, false]);
    restore();
    expect(modes()).toEqual([true, false, true]);
  });
});
