import { copyOf } from '../copy.js';
import { ones, zeros } from '../creation.js';
import { isFloat } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { DTypeError, ShapeError, TapeError } from '../errors.js';
import { broadcastGeometry, formatShape, sameShape } from '../shape.js';
import { requireTensor, Tensor } from '../tensor.js';
import { probe } from '../engine/probe.js';
import { tracer } from '../graph/tracer.js';
import { currentScope, moveOut, Scope } from '../memory/scope.js';
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
  /** Takes a gradient for each output. */
  backward(dOut: readonly Tensor[]): Gradients;
}

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
   * @param gradient The gradient of `loss` itself, of its shape and dtype; may be left out if
   * `loss` has one element, and is 1 then.
   * @throws TapeError if the tape is closed or was walked before, if it never saw `loss`, or if
   * `loss` has several elements and no gradient is given; ShapeError or DTypeError, naming
   * operation and input, if a backward returned what does not fit.
   */
  backward(loss: Tensor, gradient?: Tensor): void {
    requireTensor('backward', 'the loss', loss);
    if (gradient !== undefined) requireTensor('backward', 'the gradient of the loss', gradient);
    if (tracer) tracer.refuses('backward', 'a walk back over a tape');
    loss.assertAlive();
    this.#check(loss, gradient);
    this.#walked = true;
    const walk = new Scope();
    try {
      const gradients = new GradientTable(walk);
      gradients.add(loss, gradient?.detach() ?? ones(loss.shape, { dtype: loss.dtype }));
      for (const op of this.#ops.reverse()) this.#step(op, gradients);
      gradients.commit();
    } finally {
      walk.close();
    }
  }

  /** Runs one operation's backward and hands its gradients to its inputs. */
  #step(op: RecordedOp, gradients: GradientTable): void {
    const given = op.outputs.map((output) => gradients.take(output));
    if (given.every((dOut) => dOut === undefined)) return;
    const scope = new Scope();
    try {
      const dOut = given.map(
        (known, i) => known ?? zeros(op.outputs[i].shape, { dtype: op.outputs[i].dtype }),
      );
      const returned = probe
        ? probe.operation(`${op.name} backward`, op.inputs, () => op.backward(dOut))
        : op.backward(dOut);
      const list = returned === null || returned instanceof Tensor ? [returned] : returned;
      if (list.length !== op.inputs.length) {
        throw new TapeError(
          `${op.name}: backward returned ${list.length} gradients for ${op.inputs.length} ` +
            'tensor inputs; return one for each, null where none is needed',
        );
      }
      op.inputs.forEach((input, i) => {
        if (!input || op.needsInputGrad[i] !== true) return;
        const dInput = checkGradient(op, i, input, list[i] ?? null);
        const fresh = dInput.owner === scope;
        // What backward passes on (dOut itself, something saved) gets a name of its own, so that
        // its memory lives as long as either needs it.
        const own = fresh ? dInput : dInput.detach();
        gradients.add(input, own, scope);
      });
    } finally {
      scope.close();
      for (const dOut of given) dOut?.dispose();
    }
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

  #check(loss: Tensor, gradient: Tensor | undefined): void {
    if (this.isClosed) {
      throw new TapeError('backward: the tape is closed; call it before its block ends');
    }
    if (this.#walked) {
      throw new TapeError(
        'backward: this tape was walked already; record the operations again on a new tape, or ' +
          'add the losses and call backward once',
      );
    }
    if (loss.recordedBy?.tape !== this) {
      throw new TapeError(
        `backward: the tape never recorded ${loss.describe()} made by ${loss.origin}: none of its ` +
          'inputs requires a gradient, or it was made before the tape or in a scope inside it; make ' +
          'the tape first, then the loss. Gradients of gradients are not offered',
      );
    }
    if (!gradient) {
      if (loss.size !== 1) {
        throw new TapeError(
          `backward: ${loss.describe()} has ${loss.size} elements; take its sum or mean, or pass ` +
            'its gradient as the second argument',
        );
      }
      return;
    }
    gradient.assertAlive();
    if (!sameShape(gradient.shape, loss.shape)) {
      throw new ShapeError(
        `backward: expected a gradient of shape ${formatShape(loss.shape)}, got ` +
          formatShape(gradient.shape),
      );
    }
    if (gradient.dtype !== loss.dtype) {
      throw new DTypeError(
        `backward: expected a ${loss.dtype} gradient, got ${gradient.dtype}; cast it`,
      );
    }
  }

  protected override release(): void {
    // A result that was kept becomes a constant: nothing can walk back from it any more.
    for (const op of this.#ops) for (const output of op.outputs) output.recordedBy = null;
    this.#ops = [];
    super.release();
  }
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

/** A gradient in its input's shape. @throws TapeError, DTypeError or ShapeError, naming both. */
function checkGradient(
  op: RecordedOp,
  index: number,
  input: Tensor,
  gradient: Tensor | null,
): Tensor {
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
  const summed = sumTo(gradient, input.shape);
  if (!summed) {
    throw new ShapeError(
      `${op.name}: backward returned a gradient of shape ${formatShape(gradient.shape)} for input ` +
        `${index} of shape ${formatShape(input.shape)}`,
    );
  }
  return summed;
}

/** The gradients that a walk has computed and not yet used. */
class GradientTable {
  readonly #gradients = new Map<Tensor, Tensor>();
  readonly #walk: Scope;

  constructor(walk: Scope) {
    this.#walk = walk;
  }

  /** Adds `gradient`, which belongs to `from`, to what is known for `tensor`. */
  add(tensor: Tensor, gradient: Tensor, from: Scope = this.#walk): void {
    const known = this.#gradients.get(tensor);
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
    this.#gradients.delete(tensor);
    return gradient;
  }

  /** Adds what is left, the leaves' gradients, to their `grad`. */
  commit(): void {
    for (const [leaf, gradient] of this.#gradients) {
      // Nobody could free the gradient of a leaf that is gone.
      if (leaf.isDisposed) continue;
      if (leaf.grad && !leaf.grad.isDisposed) addInPlace(leaf.grad, gradient);
      else leaf.grad = (gradient.isShared ? copyOf(gradient, gradient.origin) : gradient).keep();
    }
  }
}

function addInPlace(total: Tensor, gradient: Tensor): void {
  const geometry = broadcastGeometry(total.shape, gradient.shape, total.shape);
  const kernels = kernelsFor(total.dtype);
  total.updateBuffer((sum) => kernels.add(sum, sum, gradient.buffer, geometry));
}
