import { isFloat } from '../dtype.js';
import { DisposedError, TapeError } from '../errors.js';
import { Tensor } from '../tensor.js';
import { probe } from '../engine/probe.js';
import { tracer } from '../graph/tracer.js';
import { moveOut, Scope } from '../memory/scope.js';
import { recordingTape, type Gradients, type RecordedOp } from './tape.js';

/** Carries what forward leaves for backward. `Saved` is any record of tensors and plain values. */
export class Context<Saved extends object> {
  readonly #name: string;
  readonly #isRecorded: boolean;
  #needs: readonly boolean[];
  #saved: Saved | undefined;
  #versions: Versions = NOTHING;
  #inputs: Versions = NOTHING;

  /** @internal */
  constructor(name: string, needsInputGrad: readonly boolean[], isRecorded: boolean) {
    this.#name = name;
    this.#needs = needsInputGrad;
    this.#isRecorded = isRecorded;
  }

  /** For each tensor input in order: whether its gradient is wanted. Null inputs want none. */
  get needsInputGrad(): readonly boolean[] {
    return this.#needs;
  }

  /** @internal What a walk wants, which may be less than all that was recorded. */
  set needsInputGrad(needs: readonly boolean[]) {
    this.#needs = needs;
  }

  /** Keeps what backward needs: tensors (inputs, outputs, temporaries), lists of them, plain values. */
  save(saved: Saved): void {
    this.#saved = saved;
    // Nobody will ask for them.
    if (!this.#isRecorded) return;
    const versions: [Tensor, number][] = [];
    for (const value of Object.values(saved).flat()) {
      if (value instanceof Tensor) versions.push([value, value.version]);
    }
    this.#versions = versions;
  }

  /**
   * The record that forward saved.
   * @throws TapeError if it saved nothing, or a saved tensor was changed in place since;
   * DisposedError if one was freed.
   */
  get saved(): Saved {
    if (!this.#saved) throw new TapeError(`${this.#name}: forward saved nothing for backward`);
    this.#check(this.#versions);
    return this.#saved;
  }

  /**
   * The tensor input at a position; for a `recordedBackward` alone, which may need what backward doesn't.
   * @throws As `saved`; TapeError where there is no tensor, or no `recordedBackward`.
   */
  input(index: number): Tensor {
    const [tensor, version] = this.#inputs[index] ?? [];
    if (!tensor || version === undefined) {
      throw new TapeError(`${this.#name}: no tensor input ${index} was kept for recordedBackward`);
    }
    this.#check([[tensor, version]]);
    return tensor;
  }

  #check(versions: Versions): void {
    for (const [tensor, version] of versions) {
      if (!tensor) continue;
      if (tensor.isDisposed) {
        throw new DisposedError(
          `${this.#name}: ${tensor.describe()} made by ${tensor.origin}, saved for backward, was ` +
            'freed before it; end its scope after tape.backward',
        );
      }
      if (tensor.version !== version) {
        throw new TapeError(
          `${this.#name}: ${tensor.describe()} made by ${tensor.origin} was changed in place ` +
            'after it was saved for backward; update it after tape.backward',
        );
      }
    }
  }

  /** @internal */
  noteInputs(inputs: readonly (Tensor | null)[]): void {
    this.#inputs = inputs.map((input) => [input, input?.version ?? 0]);
  }

  /** @internal */
  get savedTensors(): Tensor[] {
    return this.#versions.flatMap(([tensor]) => tensor ?? []);
  }
}

/** Tensors, and how often each had been changed in place when it was saved. */
type Versions = readonly (readonly [tensor: Tensor | null, version: number])[];

const NOTHING: Versions = [];

/** The two halves of an operation. */
export interface FunctionDefinition<
  Saved extends object,
  Inputs extends readonly unknown[],
  Output extends Tensor | readonly Tensor[],
> {
  /**
   * Computes the output. Inputs are tensors or null, then plain arguments (by custom one options
   * object). Nothing is recorded inside, and temporaries that are not saved are freed at its end.
   */
  forward(ctx: Context<Saved>, ...inputs: Inputs): Output;
  /**
   * Computes the inputs' gradients from the output's: one `dOut` for each output. A gradient may
   * have the shape that its input was broadcast to; the tape sums it back.
   */
  backward(ctx: Context<Saved>, ...dOut: Tensor[]): Gradients;
  /**
   * The same as `backward`, made of operations alone, of `dOut`, outputs and inputs (`ctx.input`): what
   * runs in its place under `createGraph`, where each operation is recorded. Needed only where
   * `backward` calls kernels, or uses a float temporary of `forward`, through which no gradient flows.
   */
  recordedBackward?(ctx: Context<Saved>, ...dOut: Tensor[]): Gradients;
}

/** As many times false: what a call that isn't recorded needs, made once for each length. */
function noneOf(length: number): readonly boolean[] {
  return (NONE[length] ??= new Array<boolean>(length).fill(false));
}

const NONE: (readonly boolean[])[] = [];

/** The error for what would be taken for a constant in silence. */
function noSecondRule(name: string, temporary: Tensor): TapeError {
  return new TapeError(
    `${name}: expected backward to be made of inputs and outputs under createGraph, got ` +
      `${temporary.describe()}, a temporary of forward, through which no gradient flows; save inputs and ` +
      'outputs, or give defineFunction a recordedBackward',
  );
}

/** Takes a tensor that `scope` owns out of it. */
function handUp(tensor: Tensor, scope: Scope): void {
  if (tensor.owner === scope) moveOut(tensor, scope);
}

/**
 * Makes a differentiable operation of a forward and a backward.
 *
 * ```ts
 * const square = defineFunction('square', {
 *   forward(ctx: Context<{ x: Tensor }>, x: Tensor) {
 *     ctx.save({ x });
 *     return mul(x, x);
 *   },
 *   backward(ctx, dOut) {
 *     return mul(dOut, mul(ctx.saved.x, 2));
 *   },
 * });
 * ```
 *
 * The tape records it when an input needs a gradient, checks what backward returns, sums broadcast
 * axes and accumulates. Under `createGraph` it records what backward does, so a backward that is made
 * of operations has gradients of its own; `recordedBackward` is for one that is not.
 */
// @__NO_SIDE_EFFECTS__
export function defineFunction<
  Saved extends object,
  Inputs extends readonly unknown[],
  Output extends Tensor | readonly Tensor[],
>(
  name: string,
  definition: FunctionDefinition<Saved, Inputs, Output>,
): (...inputs: Inputs) => Output {
  const call = (...args: Inputs): Output => {
    const inputs: (Tensor | null)[] = [];
    for (const arg of args) {
      if (arg instanceof Tensor) arg.assertAlive();
      else if (arg !== null) break;
      inputs.push(arg);
    }
    const tape = recordingTape();
    const needsInputGrad =
      tape === null ? noneOf(inputs.length) : inputs.map((input) => input?.requiresGrad === true);
    const record = tape !== null && needsInputGrad.includes(true);
    const ctx = new Context<Saved>(name, needsInputGrad, record);

    const scope = new Scope();
    let output: Output;
    let temporary: Tensor | null = null;
    try {
      const result = definition.forward(ctx, ...args);
      // An input that is passed through gets a name of its own: the tape tells tensors by identity.
      const own = (tensor: Tensor): Tensor =>
        inputs.includes(tensor) ? tensor.view(tensor.shape, name) : tensor;
      output = (result instanceof Tensor ? own(result) : result.map(own)) as Output;
      if (output instanceof Tensor) handUp(output, scope);
      else output.forEach((tensor: Tensor) => handUp(tensor, scope));
      if (record) {
        for (const tensor of ctx.savedTensors) {
          if (tensor.owner === scope && isFloat(tensor.dtype)) temporary = tensor;
          handUp(tensor, scope);
        }
      }
    } finally {
      scope.close();
    }

    if (record) {
      if (definition.recordedBackward) ctx.noteInputs(inputs);
      const op: RecordedOp = {
        name,
        tape,
        inputs,
        outputs: output instanceof Tensor ? [output] : output,
        needsInputGrad,
        backward(dOut, needs, createsGraph) {
          ctx.needsInputGrad = needs;
          if (!createsGraph) return definition.backward(ctx, ...dOut);
          if (definition.recordedBackward) return definition.recordedBackward(ctx, ...dOut);
          if (temporary) throw noSecondRule(name, temporary);
          return definition.backward(ctx, ...dOut);
        },
      };
      tape.record(op);
    }
    return output;
  };
  const perform = (...args: Inputs): Output => {
    if (tracer) return tracer.operation(name, perform, args);
    return probe === null ? call(...args) : probe.operation(name, args, () => call(...args));
  };
  return perform;
}

/** For a forward whose backward nobody will ask for. */
class IdleContext extends Context<never> {
  override save(): void {
    // It would hold the tensors for good.
  }
}

const IDLE = new IdleContext('', [], false);

/**
 * As `defineFunction`, for what a backward calls with tensors that it was given: outside of `createGraph`
 * it costs no more than its forward, whose temporaries are then its caller's.
 */
// @__NO_SIDE_EFFECTS__
export function defineGradient<
  Saved extends object,
  Inputs extends readonly unknown[],
  Output extends Tensor | readonly Tensor[],
>(
  name: string,
  definition: FunctionDefinition<Saved, Inputs, Output>,
): (...inputs: Inputs) => Output {
  const recorded = defineFunction(name, definition);
  return (...inputs) =>
    recordingTape() ? recorded(...inputs) : definition.forward(IDLE, ...inputs);
}
