import { copyOf } from '../copy.js';
import { ones, zeros } from '../creation.js';
import { isFloat } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { DTypeError, ShapeError, TapeError } from '../errors.js';
import { checkedInUse, checkOptions, flag, isOptions, type OptionRules } from '../options.js';
import { broadcastGeometry, formatShape, sameShape, type Shape } from '../shape.js';
import { empty, requireTensor, Tensor } from '../tensor.js';
import { probe } from '../engine/probe.js';
import { tracer } from '../graph/tracer.js';
import { currentScope, moveOut, Scope } from '../memory/scope.js';
import { recordedWalk, setRecordedWalk } from './recorded-walk.js';
import { sumTo } from './sum-to.js';

/** The results of `backward`: a gradient for each tensor input, null where none was asked for. */
export type Gradients = Tensor | null | readonly (Tensor | null)[];

/** One operation as the tape remembers it. */
export interface RecordedOp {
  readonly name: string;
  readonly tape: Tape;
  readonly inputs: readonly (Tensor | null)[];
  readonly outputs: readonly Tensor[];
  readonly needsInputGrad: readonly boolean[];
  /**
   * Takes a gradient for each output.
   * @param needs The inputs whose gradients this walk wants.
   * @param createsGraph Whether what it does is recorded.
   */
  backward(dOut: readonly Tensor[], needs: readonly boolean[], createsGraph: boolean): Gradients;
}

/** How a tape is walked back; named and defaulted as PyTorch's. */
export interface BackwardOptions {
  /** The gradient of the loss itself, of its shape and dtype. Default: 1, for one element. */
  readonly gradient?: Tensor;
  /**
   * Whether the walk is recorded, so that the gradients have gradients. They belong to the tape then,
   * and end with it. Default false.
   */
  readonly createGraph?: boolean;
  /** Whether the tape can be walked again. Default: what `createGraph` is. */
  readonly retainGraph?: boolean;
}

export const BACKWARD_OPTIONS: OptionRules<BackwardOptions> = {
  gradient: checkedInUse,
  createGraph: flag,
  retainGraph: flag,
};

/**
 * A scope that also records the operations inside it, so that `backward` can walk them in reverse.
 *
 * ```ts
 * using tape = new Tape();
 * const loss = crossEntropy(model.forward(images), labels);
 * tape.backward(loss);
 * ```
 *
 * An operation is recorded when one of its inputs needs a gradient and the tape is the innermost
 * open scope.
 */
export class Tape extends Scope {
  #ops: RecordedOp[] = [];
  #walked = false;

  /** @internal */
  record(op: RecordedOp): void {
    this.#ops.push(op);
    for (const output of op.outputs) {
      if (isFloat(output.dtype)) output.recordedBy = op;
    }
  }

  /**
   * Adds the gradient of `loss` with respect to every leaf that requires one to the leaf's `grad`.
   * Gradients of what lies between are freed as soon as the walk has passed them. If an
   * operation's backward throws, no `grad` has changed.
   *
   * With `createGraph` each `grad` is a result that this tape recorded, and ends with it: reading it
   * afterwards throws. A penalty on gradients takes them from `grad(loss, inputs, { createGraph: true })`
   * instead, which leaves every `grad` alone, so that one `backward` of the whole loss follows.
   * @param options The gradient of `loss` itself, of its shape and dtype, which may be left out if
   * `loss` has one element, and is 1 then; or an object with it, `createGraph` and `retainGraph`.
   * @throws TapeError if the tape is closed or was walked before, if it never saw `loss`, if
   * `loss` has several elements and no gradient is given, or if `createGraph` meets an operation
   * whose backward has no gradient, or a tape that is not the innermost open scope; ShapeError or
   * DTypeError, naming operation and input, if a backward returned what does not fit.
   */
  backward(loss: Tensor, options: Tensor | BackwardOptions = {}): void {
    requireTensor('backward', 'the loss', loss);
    if (!isOptions(options)) requireTensor('backward', 'the gradient of the loss', options);
    const given = options instanceof Tensor ? { gradient: options } : options;
    checkOptions('backward', given, BACKWARD_OPTIONS);
    if (tracer) tracer.refuses('backward', WALK);
    this.walk('backward', loss, given, null);
  }

  /**
   * @internal Walks back from `loss`, which was checked to be a tensor, and adds to each leaf's `grad`;
   * or leaves those alone and gives the gradients of the tensors that are wanted, undefined for one that
   * `loss` doesn't depend on.
   */
  walk(
    name: string,
    loss: Tensor,
    { gradient, createGraph = false, retainGraph = createGraph }: BackwardOptions,
    wanted: readonly Tensor[] | null,
  ): (Tensor | undefined)[] {
    if (gradient !== undefined) requireTensor(name, 'the gradient of the loss', gradient);
    loss.assertAlive();
    this.#check(name, loss, gradient);
    if (createGraph && currentScope() !== this) {
      throw new TapeError(
        `${name}: expected the tape to be the innermost open scope with createGraph, which records ` +
          'on it, got a scope inside it; call it in the block of the tape',
      );
    }
    this.#walked ||= !retainGraph;
    const needed = wanted && this.#dependants(wanted);
    // A copy where the list is needed again, or is added to by a walk that is recorded.
    const ops = (createGraph || retainGraph ? [...this.#ops] : this.#ops).reverse();
    // What a recorded walk makes belongs to the tape.
    const scope = createGraph ? null : new Scope();
    let running = '';
    const reads = (door: string, tensor: object): void => {
      // In a scope inside the tape an operation runs, whose forward may read what it likes.
      if (!(tensor instanceof Tensor) || !tensor.requiresGrad || currentScope() !== this) return;
      throw new TapeError(
        `${running}: expected backward to be made of operations under createGraph, got ${door} of ` +
          `${tensor.describe()}, through which no gradient flows; use operations, give ` +
          'defineFunction a recordedBackward, or detach() first what counts as a constant',
      );
    };
    const outer = setRecordedWalk(createGraph ? { tape: this, reads } : null);
    try {
      const gradients = new GradientTable(scope, this, new Set(wanted));
      const seed = gradient ?? ones(loss.shape, { dtype: loss.dtype });
      gradients.add(loss, createGraph || !gradient ? seed : seed.detach());
      for (const op of ops) {
        running = op.name;
        const needs = needed
          ? op.inputs.map((x, i) => op.needsInputGrad[i] === true && x !== null && needed.has(x))
          : op.needsInputGrad;
        if (!needed || needs.includes(true)) this.#step(op, gradients, needs, createGraph);
      }
      if (wanted) return wanted.map((tensor) => gradients.result(tensor));
      gradients.commit();
      return [];
    } finally {
      setRecordedWalk(outer);
      scope?.close();
    }
  }

  /** The tensors given, and all that operations made of them. */
  #dependants(tensors: readonly Tensor[]): ReadonlySet<Tensor> {
    const found = new Set(tensors);
    for (const { inputs, outputs } of this.#ops) {
      if (inputs.some((x) => x && found.has(x))) for (const output of outputs) found.add(output);
    }
    return found;
  }

  /** Runs one operation's backward and hands its gradients to its inputs. */
  #step(
    op: RecordedOp,
    gradients: GradientTable,
    needs: readonly boolean[],
    createsGraph: boolean,
  ): void {
    const given = op.outputs.map((output) => gradients.take(output));
    if (given.every((dOut) => dOut === undefined)) return;
    const scope = createsGraph ? null : new Scope();
    try {
      const dOut = given.map(
        (known, i) => known ?? zeros(op.outputs[i].shape, { dtype: op.outputs[i].dtype }),
      );
      const returned = probe
        ? probe.operation(`${op.name} backward`, op.inputs, () =>
            op.backward(dOut, needs, createsGraph),
          )
        : op.backward(dOut, needs, createsGraph);
      const list = returned === null || returned instanceof Tensor ? [returned] : returned;
      if (list.length !== op.inputs.length) {
        throw new TapeError(
          `${op.name}: backward returned ${list.length} gradients for ${op.inputs.length} ` +
            'tensor inputs; return one for each, null where none is needed',
        );
      }
      op.inputs.forEach((input, i) => {
        if (!input || needs[i] !== true) return;
        const dInput = this.#checkGradient(op, i, input, list[i] ?? null);
        if (scope === null) {
          gradients.add(input, dInput);
          return;
        }
        const fresh = dInput.owner === scope;
        // What backward passes on (dOut itself, something saved) gets a name of its own, so that
        // its memory lives as long as either needs it.
        const own = fresh ? dInput : dInput.detach();
        gradients.add(input, own, scope);
      });
    } finally {
      scope?.close();
      if (!createsGraph) for (const dOut of given) dOut?.dispose();
    }
  }

  /** @internal a + b; recorded, where this tape records. */
  sumOf(a: Tensor, b: Tensor): Tensor {
    const out = empty(a.shape, a.dtype, 'add');
    const geometry = broadcastGeometry(a.shape, b.shape, a.shape);
    kernelsFor(a.dtype).add(out.buffer, a.buffer, b.buffer, geometry);
    return this.#recorded('add', [a, b], out, (d) => [d, d]);
  }

  /** @internal x under a name of its own; recorded, where this tape records. */
  aliasOf(x: Tensor): Tensor {
    return this.#recorded('grad', [x], x.view(x.shape, x.origin), (d) => d);
  }

  /** `sumTo`; recorded, where this tape records. */
  #sumTo(x: Tensor, shape: Shape): Tensor | null {
    const out = sumTo(x, shape);
    // Back is the broadcasting that a sum does.
    const spread = (d: Tensor): Tensor => this.sumOf(zeros(x.shape, { dtype: x.dtype }), d);
    return out && this.#recorded('sum', [x], out, spread);
  }

  /** Records what the walk itself does, whose gradient is linear in `dOut` alone. */
  #recorded(
    name: string,
    inputs: readonly Tensor[],
    output: Tensor,
    backward: (dOut: Tensor) => Gradients,
  ): Tensor {
    const needsInputGrad = inputs.map((input) => input.requiresGrad);
    if (currentScope() === this && needsInputGrad.includes(true)) {
      this.record({
        name,
        tape: this,
        inputs,
        outputs: [output],
        needsInputGrad,
        backward: ([dOut]) => backward(dOut),
      });
    }
    return output;
  }

  /** @internal The leaves that recorded operations took in and that want a gradient. */
  get leaves(): ReadonlySet<Tensor> {
    const leaves = new Set<Tensor>();
    for (const { inputs, needsInputGrad } of this.#ops) {
      inputs.forEach((input, i) => {
        if (input?.isLeaf && needsInputGrad[i] === true) leaves.add(input);
      });
    }
    return leaves;
  }

  #check(name: string, loss: Tensor, gradient: Tensor | undefined): void {
    if (this.isClosed) {
      throw new TapeError(`${name}: the tape is closed; call it before its block ends`);
    }
    // The backwards of a recorded walk may walk back from what they record themselves.
    if (this.#walked && recordedWalk?.tape !== this) {
      throw new TapeError(
        `${name}: this tape was walked already; record the operations again on a new tape, or ` +
          'add the losses and call backward once, or let the walk before have { retainGraph: true }',
      );
    }
    if (loss.recordedBy?.tape !== this) throw unrecorded(name, loss);
    if (!gradient) {
      if (loss.size !== 1) {
        throw new TapeError(
          `${name}: ${loss.describe()} has ${loss.size} elements; take its sum or mean, or pass ` +
            'its gradient as the second argument',
        );
      }
      return;
    }
    gradient.assertAlive();
    if (!sameShape(gradient.shape, loss.shape)) {
      throw new ShapeError(
        `${name}: expected a gradient of shape ${formatShape(loss.shape)}, got ` +
          formatShape(gradient.shape),
      );
    }
    if (gradient.dtype !== loss.dtype) {
      throw new DTypeError(
        `${name}: expected a ${loss.dtype} gradient, got ${gradient.dtype}; cast it`,
      );
    }
  }

  /** A gradient in its input's shape. @throws TapeError, DTypeError or ShapeError, naming both. */
  #checkGradient(op: RecordedOp, index: number, input: Tensor, gradient: Tensor | null): Tensor {
    if (input.recordedBy && input.recordedBy.tape !== op.tape) {
      throw new TapeError(
        `${op.name}: input ${index}, ${input.describe()} made by ${input.origin}, was recorded on ` +
          'another tape; a gradient cannot cross from one tape to another: use one, or detach() it',
      );
    }
    if (!gradient) {
      throw new TapeError(`${op.name}: backward returned no gradient for input ${index}`);
    }
    gradient.assertAlive();
    if (gradient.dtype !== input.dtype) {
      throw new DTypeError(
        `${op.name}: backward returned a ${gradient.dtype} gradient for input ${index}, which is ` +
          input.dtype,
      );
    }
    if (sameShape(gradient.shape, input.shape)) return gradient;
    const summed = this.#sumTo(gradient, input.shape);
    if (!summed) {
      throw new ShapeError(
        `${op.name}: backward returned a gradient of shape ${formatShape(gradient.shape)} for input ` +
          `${index} of shape ${formatShape(input.shape)}`,
      );
    }
    return summed;
  }

  protected override release(): void {
    // A result that was kept becomes a constant: nothing can walk back from it any more.
    for (const op of this.#ops) for (const output of op.outputs) output.recordedBy = null;
    this.#ops = [];
    super.release();
  }
}

/** What a trace can't hold. */
export const WALK = 'a walk back over a tape';

/** The error for a loss that no walk can begin at. */
export function unrecorded(name: string, loss: Tensor): TapeError {
  return new TapeError(
    `${name}: the tape never recorded ${loss.describe()} made by ${loss.origin}: none of its ` +
      'inputs requires a gradient, or it was made before the tape or in a scope inside it; make ' +
      'the tape first, then the loss; a gradient is recorded with { createGraph: true } only',
  );
}

/** The leaves that what an open tape recorded depends on, and that want a gradient. */
export function leavesOf(tape: Tape): ReadonlySet<Tensor> {
  return tape.leaves;
}

/** The innermost open scope, if it is a tape: the one that operations are recorded on. */
export function recordingTape(): Tape | null {
  const scope = currentScope();
  return scope instanceof Tape ? scope : null;
}

/** The gradients that a walk has computed and not yet used. */
class GradientTable {
  readonly #gradients = new Map<Tensor, Tensor>();
  readonly #walk: Scope | null;
  readonly #tape: Tape;
  readonly #wanted: ReadonlySet<Tensor>;

  /**
   * @param walk Owns what a walk makes; null for one that the tape records.
   * @param wanted The tensors whose gradients stay when the walk passes them.
   */
  constructor(walk: Scope | null, tape: Tape, wanted: ReadonlySet<Tensor>) {
    this.#walk = walk;
    this.#tape = tape;
    this.#wanted = wanted;
  }

  /** Adds `gradient`, which belongs to `from`, to what is known for `tensor`. */
  add(tensor: Tensor, gradient: Tensor, from = this.#walk): void {
    const known = this.#gradients.get(tensor);
    if (from === null) {
      // Nothing is changed in place: what was recorded may be in use.
      this.#gradients.set(tensor, known ? this.#tape.sumOf(known, gradient) : gradient);
      return;
    }
    if (!known) {
      if (from !== this.#walk) moveOut(gradient, from);
      this.#gradients.set(tensor, gradient);
      return;
    }
    if (known.isShared) {
      // Another gradient lives in the same memory, so adding in place would change it too.
      const total = copyOf(known, known.origin);
      if (from !== this.#walk) moveOut(total, from);
      known.dispose();
      this.#gradients.set(tensor, total);
      addInPlace(total, gradient);
    } else addInPlace(known, gradient);
  }

  /** Hands out the gradient that is known for `tensor`; the caller has to dispose of it. */
  take(tensor: Tensor): Tensor | undefined {
    const gradient = this.#gradients.get(tensor);
    if (!this.#wanted.has(tensor)) this.#gradients.delete(tensor);
    else if (this.#walk) return gradient?.detach();
    return gradient;
  }

  /** The gradient of a tensor that was wanted, handed to the caller of the walk. */
  result(tensor: Tensor): Tensor | undefined {
    const gradient = this.#gradients.get(tensor);
    if (!gradient) return undefined;
    if (!this.#walk) return this.#tape.aliasOf(gradient);
    const own = gradient.isShared ? copyOf(gradient, gradient.origin) : gradient;
    if (own.owner === this.#walk) moveOut(own, this.#walk);
    return own;
  }

  /** Adds what is left, the leaves' gradients, to their `grad`. */
  commit(): void {
    for (const [leaf, gradient] of this.#gradients) {
      // Nobody could free the gradient of a leaf that is gone.
      if (leaf.isDisposed) continue;
      const known = leaf.grad && !leaf.grad.isDisposed ? leaf.grad : null;
      if (!this.#walk) {
        leaf.grad = known ? this.#tape.sumOf(known, gradient) : this.#tape.aliasOf(gradient);
        // Somebody may still use what was there: it ends with the tape.
        if (known && !known.owner) this.#tape.adopt(known);
      } else if (known) addInPlace(known, gradient);
      else leaf.grad = (gradient.isShared ? copyOf(gradient, gradient.origin) : gradient).keep();
    }
  }
}

function addInPlace(total: Tensor, gradient: Tensor): void {
  const geometry = broadcastGeometry(total.shape, gradient.shape, total.shape);
  const kernels = kernelsFor(total.dtype);
  total.updateBuffer((sum) => kernels.add(sum, sum, gradient.buffer, geometry));
}
