import { disposeSymbol } from '../dispose-symbol.js';
import { TapeError } from '../errors.js';
import { isOptions, requireFunction } from '../options.js';
import { warnOnce } from '../warnings.js';

/** A possession of a scope: anything that can be disposed of, and that knows its owner. */
export interface Scoped {
  /** The scope that frees it; null if nobody does. Only scopes and the thing itself set it. */
  owner: Scope | null;
  /** Frees its memory. */
  dispose(): void;
}

/** The open scopes, innermost last. `null` stands for an `unscoped` region. */
const stack: (Scope | null)[] = [];

/** Deeper than programs nest their scopes; a loop that closes none is there after so many turns. */
const DEEP = 256;

/**
 * Owns the tensors that are made while it is the innermost open scope, and frees them when it
 * closes. Nothing is recorded inside, so it also switches gradients off, as `torch.no_grad`.
 *
 * ```ts
 * using _scope = new Scope();
 * const probabilities = softmax(model.forward(images), 1).toArray();
 * ```
 *
 * The underscore tells TypeScript's `noUnusedLocals` that nobody reads the name.
 *
 * Scopes close in the reverse order of opening. In plain JavaScript use `Scope.run(…)`. One that nobody
 * closes holds its tensors for good; when 256 are open inside each other, a warning says so once.
 */
export class Scope {
  #owned: Scoped[] = [];
  #closed = false;

  constructor() {
    stack.push(this);
    if (stack.length === DEEP) warnOnce(leakText(this.constructor.name));
  }

  /**
   * Runs `fn` in a new scope, or tape, which it is given. The tensor that it returns, or those in the
   * arrays and plain objects that it returns, one in another too, are handed to the caller.
   * @throws TapeError if `fn` is asynchronous: the scope would end before its work does.
   */
  static run<S extends Scope, T>(this: new () => S, fn: (scope: S) => T): T {
    requireFunction(`${this.name}.run`, fn);
    const scope = new this();
    try {
      const result = fn(scope);
      refusePromise('run', result);
      return handOver(result, scope);
    } finally {
      scope.close();
    }
  }

  /** Whether the scope has ended, and freed what it owned. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Makes this scope the owner, whoever was. */
  adopt(scoped: Scoped): void {
    scoped.owner = this;
    this.#owned.push(scoped);
  }

  /**
   * Frees what the scope owns.
   * @throws TapeError if a scope that was opened later is still open: all of them are closed then.
   */
  close(): void {
    if (this.#closed) return;
    if (stack.at(-1) === this) {
      // Nearly always.
      stack.pop();
      this.release();
      return;
    }
    const position = stack.lastIndexOf(this);
    // An `unscoped` region that ended while this was open has taken it off the stack already.
    const inner = position < 0 ? [] : stack.splice(position).slice(1);
    for (const scope of inner.reverse()) scope?.release();
    this.release();
    if (inner.length > 0) {
      throw new TapeError(
        `${this.constructor.name}: closed while ${inner.length} scope(s) opened after it were ` +
          'still open; scopes close in the reverse order of opening, so do not interleave two ' +
          'of them across an await',
      );
    }
  }

  /** @internal Gives all that it owns to another scope, or to nobody; by default to the one around it. */
  giveUp(to?: Scope | null): void {
    for (const scoped of this.#owned.splice(0)) {
      if (scoped.owner !== this) continue;
      if (to === undefined) moveOut(scoped, this);
      else if (to) to.adopt(scoped);
      else scoped.owner = null;
    }
  }

  /** Closes the scope: `using` calls this at the end of the block. */
  [disposeSymbol](): void {
    this.close();
  }

  /** Disposes of what is owned, without looking at other scopes. */
  protected release(): void {
    this.#closed = true;
    const owned = this.#owned;
    this.#owned = [];
    for (const scoped of owned) {
      // `keep()` and `handOver` change the owner and leave the entry behind.
      if (scoped.owner === this) scoped.dispose();
    }
  }
}

/** What is owned by a scope that nobody closes is never freed, and nothing else would say so. */
const leakText = (name: string): string =>
  `${DEEP} scopes are open inside each other, which hold all that was made in them; does a loop open ` +
  `some and close none? Write \`using scope = new ${name}()\`, ${name}.run((scope) => …), or close() ` +
  'each in a finally';

/** The innermost open scope, if tensors made now belong to one. */
export function currentScope(): Scope | null {
  return stack.at(-1) ?? null;
}

/**
 * Runs `fn` outside of every scope: the tensors that it makes live until they are disposed of.
 * This is how layers, optimisers and loaders make what outlives a step.
 * @throws TapeError if `fn` is asynchronous.
 */
export function unscoped<T>(fn: () => T): T {
  requireFunction('unscoped', fn);
  stack.push(null);
  const depth = stack.length;
  try {
    const result = fn();
    refusePromise('unscoped', result);
    return result;
  } finally {
    if (stack.length >= depth) stack.length = depth - 1;
  }
}

/** Runs `fn`, and gives what it makes to `scope`, wherever that stands. */
export function within<T>(scope: Scope | null, fn: () => T): T {
  const around = new Scope();
  try {
    return fn();
  } finally {
    around.giveUp(scope);
    around.close();
  }
}

/** @throws TapeError for the promise of an asynchronous function, whose work is not done yet. */
function refusePromise(name: string, result: unknown): void {
  if (!(result instanceof Promise)) return;
  // Its failure, which is likely to follow, would be an unhandled rejection and end the program.
  result.catch(() => {});
  throw new TapeError(
    `${name}: expected a synchronous function, got a promise; call it inside the asynchronous one`,
  );
}

function isScoped(value: unknown): value is Scoped {
  return typeof value === 'object' && value !== null && 'owner' in value && 'dispose' in value;
}

/**
 * Moves `result` (a tensor, or what an array, a plain object or an object's own properties hold of them,
 * and arrays and plain objects in those) from `scope` to the one around it.
 */
function handOver<T>(result: T, scope: Scope): T {
  if (isScoped(result)) {
    if (result.owner === scope) moveOut(result, scope);
    return result;
  }
  if (typeof result !== 'object' || result === null) return result;
  // What holds itself is looked into once.
  const seen = new Set<unknown>([result]);
  const visit = (container: object): void => {
    for (const value of Object.values(container)) {
      if (isScoped(value)) {
        if (value.owner === scope) moveOut(value, scope);
      } else if ((Array.isArray(value) || isOptions(value)) && !seen.has(value)) {
        seen.add(value);
        visit(value);
      }
    }
  };
  visit(result);
  return result;
}

/** Gives `scoped` to the scope around `scope`, or to nobody if there is none. */
export function moveOut(scoped: Scoped, scope: Scope): void {
  const last = stack.length - 1;
  const position = stack[last] === scope ? last : stack.lastIndexOf(scope);
  const outer = stack[position - 1] ?? null;
  if (outer) outer.adopt(scoped);
  else scoped.owner = null;
}
