import {
  add,
  DisposedError,
  mul,
  ones,
  Scope,
  sum,
  Tape,
  TapeError,
  type Tensor,
  unscoped,
  zeros,
} from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { expectSaneState, gradOf, leaf, watchTensors } from '../support/tape.js';

watchTensors();

describe('scopes', () => {
  it('free what was made inside, in the order of closing', () => {
    let inner: Tensor;
    const outer = new Scope();
    const a = zeros([2]);
    {
      using _scope = new Scope();
      inner = zeros([3]);
    }
    expect(inner.isDisposed).toBe(true);
    expect(a.isDisposed).toBe(false);
    outer.close();
    expect(a.isDisposed).toBe(true);
    expect(outer.isClosed).toBe(true);
    outer.close();
  });

  it('run hands a tensor, an array or a record of them to the scope around', () => {
    using scope = new Scope();
    const one = Scope.run(() => add(zeros([2]), 1));
    const many = Scope.run(() => [zeros([1]), ones([1])]);
    const named = Scope.run((own) => ({ own, x: ones([2]), label: 'x' }));
    expect(one.owner).toBe(scope);
    expect(many.map(({ owner }) => owner)).toEqual([scope, scope]);
    expect(named.x.owner).toBe(scope);
    expect(named.own.isClosed).toBe(true);
    expect(Scope.run(() => 'text')).toBe('text');
    expect(Scope.run(() => null)).toBeNull();
  });

  it('run hands over what arrays and plain objects hold in each other', () => {
    using scope = new Scope();
    const { list, self } = Scope.run(() => {
      const made: { list: unknown[]; self?: object } = { list: [{ x: ones([2]) }, [zeros([1])]] };
      made.self = made;
      return made;
    });
    const [{ x }, [y]] = list as [{ x: Tensor }, [Tensor]];
    expect([x.owner, y.owner]).toEqual([scope, scope]);
    expect(self).toBeDefined();
    // What stands in an instance of a class is that class's affair.
    class Holder {
      readonly kept = ones([1]);
    }
    const { holder } = Scope.run(() => ({ holder: new Holder() }));
    expect(holder.kept.isDisposed).toBe(true);
  });

  it('run hands to nobody where there is no scope around', () => {
    const x = Scope.run(() => ones([2]));
    expect(x.owner).toBeNull();
    expect([...x.data]).toEqual([1, 1]);
    x.dispose();
  });

  it('run leaves a tensor of an outer scope where it is', () => {
    using scope = new Scope();
    const x = ones([2]);
    expect(Scope.run(() => x)).toBe(x);
    expect(x.owner).toBe(scope);
  });

  it('Tape.run gives the tape, records and frees', () => {
    const x = leaf([1, 2]);
    const loss = Tape.run((tape) => {
      const value = sum(mul(x, x));
      tape.backward(value);
      return value;
    });
    expect(loss.item()).toBe(5);
    expect(loss.requiresGrad).toBe(false);
    expect(gradOf(x)).toEqual([2, 4]);
    loss.dispose();
    x.dispose();
  });

  it('run frees everything when its function throws', () => {
    expect(() =>
      Scope.run(() => {
        zeros([2]);
        throw new Error('stop');
      }),
    ).toThrow('stop');
  });

  it.each([
    ['run', () => Scope.run(async () => 1)],
    ['run', () => Tape.run(async () => Promise.reject(new Error('unheard')))],
    ['unscoped', () => unscoped(async () => Promise.reject(new Error('unheard')))],
  ])('%s refuses an asynchronous function', async (name, run) => {
    expect(run).toThrow(
      new TapeError(
        `${name}: expected a synchronous function, got a promise; call it inside the ` +
          'asynchronous one',
      ),
    );
    // An unhandled rejection would end the program here.
    await new Promise((resolve) => setTimeout(resolve, 0));
  });

  it('keep takes a tensor out of every scope', () => {
    let x: Tensor;
    {
      using outer = new Scope();
      void outer;
      using inner = new Scope();
      void inner;
      x = ones([2]);
      expect(x.keep()).toBe(x);
    }
    expect([...x.data]).toEqual([1, 1]);
    x.dispose();
    expect(x.isDisposed).toBe(true);
    x.dispose();
    expect(() => x.keep()).toThrow(DisposedError);
  });

  it('unscoped makes tensors that outlive every scope, and is nested with scopes', () => {
    let x: Tensor;
    {
      using scope = new Scope();
      x = unscoped(() => {
        const own = ones([2]);
        expect(own.owner).toBeNull();
        using inner = new Scope();
        expect(zeros([1]).owner).toBe(inner);
        return own;
      });
      expect(zeros([1]).owner).toBe(scope);
    }
    expect(x.isDisposed).toBe(false);
    x.dispose();
  });

  it('unscoped records nothing, and puts things right after an error', () => {
    const x = leaf([1, 2]);
    using tape = new Tape();
    expect(() =>
      unscoped(() => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    const y = unscoped(() => mul(x, 2));
    expect(y.requiresGrad).toBe(false);
    y.dispose();
    expect(mul(x, 2).owner).toBe(tape);
    x.dispose();
  });

  it('a scope that outlives the unscoped region it was opened in closes without harm', () => {
    using outer = new Scope();
    const late = unscoped(() => new Scope());
    late.close();
    expect(late.isClosed).toBe(true);
    expect(zeros([1]).owner).toBe(outer);
  });

  const outOfOrder = (kind: string, count: number): TapeError =>
    new TapeError(
      `${kind}: closed while ${count} scope(s) opened after it were still open; scopes close in ` +
        'the reverse order of opening, so do not interleave two of them across an await',
    );

  it('closed out of order are all closed, with an error', () => {
    const outer = new Scope();
    const inner = new Tape();
    const innermost = new Scope();
    const x = zeros([2]);
    expect(() => outer.close()).toThrow(outOfOrder('Scope', 2));
    expect([outer, inner, innermost].map(({ isClosed }) => isClosed)).toEqual([true, true, true]);
    expect(x.isDisposed).toBe(true);
    // Their own blocks close them later, without harm.
    innermost.close();
    inner.close();
  });

  it('interleaved tapes across an await are an error, not a wrong gradient', async () => {
    const x = leaf([1, 2]);
    const step = async (wait: number): Promise<void> => {
      using tape = new Tape();
      const y = mul(x, x);
      await new Promise((resolve) => setTimeout(resolve, wait));
      tape.backward(sum(y));
    };
    const results = await Promise.allSettled([step(5), step(15)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const reasons = results.map((result) =>
      result.status === 'rejected' ? (result.reason as Error) : undefined,
    );
    // The first one's sum was recorded on the second's tape: the backward refuses, and so does
    // the end of the block.
    const [first, second] = reasons;
    expect(first?.name).toBe('SuppressedError');
    expect((first as Error & { error: Error }).error).toEqual(outOfOrder('Tape', 1));
    expect((first as Error & { suppressed: Error }).suppressed).toBeInstanceOf(TapeError);
    expect(second).toBeInstanceOf(DisposedError);
    expect(x.grad).toBeNull();
    expectSaneState();
    x.dispose();
  });

  it('tapes that are nested across an await, by luck, give the right gradients', async () => {
    const x = leaf([1, 2]);
    const step = async (wait: number): Promise<void> => {
      using tape = new Tape();
      const y = sum(mul(x, x));
      await new Promise((resolve) => setTimeout(resolve, wait));
      tape.backward(y);
    };
    await Promise.all([step(15), step(5)]);
    expect(gradOf(x)).toEqual([4, 8]);
    x.dispose();
  });
});
