import { isReference } from '../engine/engine.js';
import type {
  BroadcastGeometry,
  Conv2dGeometry,
  Conv2dJoinedGeometry,
  KernelName,
  MatmulGeometry,
  MatmulJoinedGeometry,
  WindowGeometry,
} from '../kernels/contract.js';
import type { Emitter } from '../kernels/wasm/emitter.js';
import { parseOperand } from '../kernels/table/layout.js';
import { rowOf } from '../kernels/table/rows.js';
import {
  byteLengthOf,
  type KernelStep,
  type Operand,
  type Recording,
  type Slot,
  type Step,
} from './recording.js';

/*
 * Joins kernel calls that one kernel does with the same bits: a convolution with the activation and
 * the pooling behind it, a product with bias and activation, the gradients of pooling, or of a
 * convolution's input, and relu. What
 * only the calls between them needed is then not even stored.
 */

/** A recording whose calls are joined, and which were. */
export interface Joined {
  readonly recording: Recording;
  /** The operations that were joined, `conv2d + relu + maxPool2d`. */
  readonly joined: readonly string[];
}

/** Joins what can be joined. */
export function join(recording: Recording, emitter: Emitter): Joined {
  const joiner = new Joiner(recording, emitter);
  joiner.joinPoolingGradients();
  joiner.joinConvolutionGradients();
  joiner.joinConvolutions();
  joiner.joinProducts();
  return joiner.result();
}

/** A step's use of a slot. */
export interface Use {
  readonly step: number;
  readonly reads: boolean;
  readonly writes: boolean;
}

class Joiner {
  readonly #recording: Recording;
  readonly #emitter: Emitter;
  /** Null where a step went into another one. */
  readonly #steps: (Step | null)[];
  /** Slots that somebody looks at after the run. */
  readonly #given: ReadonlySet<Slot>;
  readonly #joined: string[] = [];

  constructor(recording: Recording, emitter: Emitter) {
    this.#recording = recording;
    this.#emitter = emitter;
    this.#steps = [...recording.steps];
    this.#given = new Set(recording.results.map(({ slot }) => slot));
  }

  result(): Joined {
    const steps = this.#steps.filter((step) => step !== null);
    return { recording: { ...this.#recording, steps }, joined: this.#joined };
  }

  /** The gradient of a pooling of relu's result, and that of relu behind it. */
  joinPoolingGradients(): void {
    for (const [i, backward] of this.#kernels('maxPool2dBackward')) {
      const [dPlanes, dOut, indices] = backward.operands;
      if (!dPlanes || !dOut || !indices) continue;
      const at = this.#onlyReader(dPlanes);
      const relu = at === null ? null : this.#kernelAt(at, 'reluBackward');
      if (at === null || !relu) continue;
      const [dX, dRelu, saved] = relu.operands;
      const pooling = this.#writerOf(indices.slot, 'maxPool2d');
      const [pooled, , planes] = pooling?.operands ?? [];
      if (!dX || !saved || !pooled || !planes || dRelu?.slot !== dPlanes.slot) continue;
      // What was pooled is what relu gave.
      if (planes.slot !== saved.slot || !this.#writerOf(saved.slot, 'relu')) continue;
      if (pooled.slot.writers !== 1 || saved.slot.writers !== 1) continue;
      if (!isWhole(dX) || !this.#isOwn(dX.slot)) continue;
      this.#replace(i, [at], {
        ...backward,
        kernel: 'maxPool2dReluBackward',
        operands: [dX, dOut, indices, pooled],
        operation: `${backward.operation} + ${relu.operation}`,
      });
    }
  }

  /** The gradient of a convolution of relu's result, and that of relu behind it. */
  joinConvolutionGradients(): void {
    for (const [i, backward] of this.#kernels('conv2dBackwardInput')) {
      const [dX, dOut, weight] = backward.operands;
      if (!dX || !dOut || !weight) continue;
      const at = this.#onlyReader(dX);
      const relu = at === null ? null : this.#kernelAt(at, 'reluBackward');
      const [out, dRelu, saved] = relu?.operands ?? [];
      if (at === null || !relu || !out || !saved || dRelu?.slot !== dX.slot) continue;
      // It is there before the gradient is, and stays as it is.
      if (!isWhole(out) || !this.#isOwn(out.slot) || !this.#isOwn(saved.slot)) continue;
      this.#replace(i, [at], {
        ...backward,
        kernel: 'conv2dBackwardInputRelu',
        operands: [out, dOut, weight, saved],
        operation: `${backward.operation} + ${relu.operation}`,
      });
    }
  }

  /** A convolution, an activation, and a pooling. */
  joinConvolutions(): void {
    for (const [i, conv] of this.#kernels('conv2d')) {
      const [out, x, weight, bias] = conv.operands;
      if (!out || !x || !weight) continue;
      const gone: number[] = [];
      const operations = [conv.operation];
      let values: Operand = out;
      let epilogue: Pick<Conv2dJoinedGeometry, 'activation' | 'slope'> = NO_ACTIVATION;
      const activation = this.#activationOf(values);
      if (activation) {
        gone.push(activation.at);
        operations.push(activation.step.operation);
        ({ out: values, epilogue } = activation);
      }
      const geometry = { ...(conv.options as Conv2dGeometry), ...epilogue };
      const pooling = this.#poolingOf(values, geometry);
      if (pooling) {
        gone.push(pooling.at);
        operations.push(pooling.step.operation);
      }
      if (gone.length === 0) continue;
      const [pooled = null, indices = null] = pooling?.step.operands ?? [];
      // Without its one reader, who is part of this now, nobody needs what is pooled.
      const isNeeded = !pooling || this.#onlyReader(values) !== pooling.at;
      const needsIndices = indices !== null && this.#readers(indices.slot).length > 0;
      this.#replace(i, gone, {
        ...conv,
        kernel: 'conv2dJoined',
        operands: [
          isNeeded ? values : null,
          pooled,
          needsIndices ? indices : null,
          x,
          weight,
          bias ?? null,
        ],
        options: { ...geometry, pool: pooling?.window ?? null } satisfies Conv2dJoinedGeometry,
        operation: operations.join(' + '),
      });
    }
  }

  /** A product, a bias for each column, and an activation. */
  joinProducts(): void {
    for (const [i, product] of this.#kernels('matmul')) {
      const [out, a, b] = product.operands;
      const geometry = product.options as MatmulGeometry;
      if (!out || !a || !b || geometry.accumulate || geometry.batch !== 1) continue;
      const gone: number[] = [];
      const operations = [product.operation];
      let values: Operand = out;
      let bias: Operand | null = null;
      let epilogue: Pick<MatmulJoinedGeometry, 'activation' | 'slope'> = NO_ACTIVATION;
      const sum = this.#biasOf(i, values, geometry);
      if (sum) {
        gone.push(sum.at);
        operations.push(sum.step.operation);
        ({ out: values, bias } = sum);
      }
      const activation = this.#activationOf(values);
      if (activation) {
        gone.push(activation.at);
        operations.push(activation.step.operation);
        ({ out: values, epilogue } = activation);
      }
      if (gone.length === 0) continue;
      this.#replace(i, gone, {
        ...product,
        kernel: 'matmulJoined',
        operands: [values, a, b, bias],
        options: { ...geometry, ...epilogue } satisfies MatmulJoinedGeometry,
        operation: operations.join(' + '),
      });
    }
  }

  /** The activation of values that nobody else reads. */
  #activationOf(values: Operand) {
    const at = this.#onlyReader(values);
    if (at === null) return null;
    for (const activation of ['relu', 'leakyRelu'] as const) {
      const step = this.#kernelAt(at, activation);
      const [out] = step?.operands ?? [];
      if (!step || !out || !isWhole(out) || out.slot === values.slot || !this.#isOwn(out.slot)) {
        continue;
      }
      const slope = activation === 'relu' ? 0 : (step.options as { slope: number }).slope;
      return { at, step, out, epilogue: { activation, slope } };
    }
    return null;
  }

  /** The pooling of a convolution's results, if the convolution can do it. */
  #poolingOf(values: Operand, geometry: Omit<Conv2dJoinedGeometry, 'pool'>) {
    for (const at of this.#readers(values.slot)) {
      const step = this.#kernelAt(at, 'maxPool2d');
      const [pooled, indices, planes] = step?.operands ?? [];
      if (!step || !pooled || !indices || !planes || !isWhole(planes)) continue;
      if (!this.#isOwn(pooled.slot) || !this.#isOwn(indices.slot)) continue;
      const window = step.options as WindowGeometry;
      if (!this.#emitter.canPool({ ...geometry, pool: window })) return null;
      return { at, step, window };
    }
    return null;
  }

  /** The addition of one vector to each row of a product that nobody else reads. */
  #biasOf(product: number, values: Operand, { M, N }: MatmulGeometry) {
    const at = this.#onlyReader(values);
    const step = at === null ? null : this.#kernelAt(at, 'add');
    const [out, a, bias] = step?.operands ?? [];
    if (at === null || !step || !out || !bias || a?.slot !== values.slot) return null;
    if (bias.length !== N || bias.slot === values.slot || out.slot === values.slot) return null;
    if (!isWhole(out) || out.length !== M * N || !this.#isOwn(out.slot)) return null;
    const { shape, aStrides, bStrides } = step.options as BroadcastGeometry;
    const isRow = M === 1 && isList(shape, [N]) && isList(aStrides, [1]) && isList(bStrides, [1]);
    const isMatrix = isList(shape, [M, N]) && isList(aStrides, [N, 1]) && isList(bStrides, [0, 1]);
    if (!isRow && !isMatrix) return null;
    // The bias is what it is before the product; a step of training changes it afterwards.
    const isChanged = this.#uses(bias.slot).some(
      ({ step, writes }) => writes && step > product && step < at,
    );
    return isChanged ? null : { at, step, out, bias };
  }

  /** The kernel calls of a name that WebAssembly does, as they are now. */
  *#kernels(name: KernelName): Iterable<[number, KernelStep]> {
    for (const i of this.#steps.keys()) {
      const step = this.#kernelAt(i, name);
      if (step) yield [i, step];
    }
  }

  #kernelAt(at: number, name: KernelName): KernelStep | null {
    const step = this.#steps[at];
    if (step?.kind !== 'kernel' || step.kernel !== name) return null;
    return step.renew !== null || isReference(step.kernels) ? null : step;
  }

  #writerOf(slot: Slot, name: KernelName): KernelStep | null {
    const at = this.#uses(slot).find(({ writes }) => writes)?.step;
    return at === undefined ? null : this.#kernelAt(at, name);
  }

  #replace(at: number, gone: readonly number[], step: KernelStep): void {
    this.#steps[at] = step;
    for (const other of gone) this.#steps[other] = null;
    this.#joined.push(step.operation);
  }

  /** Whether a slot is of this run only, and written by one step. */
  #isOwn({ kind, initial, writers }: Slot): boolean {
    return kind === 'made' && initial === null && writers === 1;
  }

  /** The one step that reads values which are stored for it alone; null if there are others. */
  #onlyReader(values: Operand): number | null {
    const { slot } = values;
    if (!isWhole(values) || !this.#isOwn(slot) || this.#given.has(slot)) return null;
    const readers = this.#readers(slot);
    return readers.length === 1 ? (readers[0] ?? null) : null;
  }

  #readers(slot: Slot): number[] {
    return this.#uses(slot).flatMap(({ step, reads }) => (reads ? [step] : []));
  }

  #uses(slot: Slot): Use[] {
    return usesOf(this.#steps, slot);
  }
}

/** The steps that use a slot. */
export function usesOf(steps: readonly (Step | null)[], slot: Slot): Use[] {
  return steps.flatMap((step, i) => (step === null ? [] : useOf(step, i, slot)));
}

const NO_ACTIVATION = { activation: 'none', slope: 0 } as const;

function useOf(step: Step, i: number, slot: Slot): Use[] {
  if (step.kind === 'action') return [];
  let reads = false;
  let writes = false;
  if (step.kind === 'host') {
    for (const operand of step.operands) {
      if (operand.slot !== slot) continue;
      reads ||= operand.access !== 'fill';
      writes ||= operand.access !== 'read';
    }
  } else {
    const row = rowOf(step.kernel);
    for (const [place, operand] of step.operands.entries()) {
      if (operand?.slot !== slot) continue;
      const { role } = parseOperand(row.operands[place] ?? '');
      // A product reads what it adds to.
      const isOut = role === 'out' || (place === 0 && isOverwriting(step));
      reads ||= !isOut;
      writes ||= role !== 'in';
    }
  }
  return reads || writes ? [{ step: i, reads, writes }] : [];
}

/** Whether it is a product that doesn't add to what was there. */
function isOverwriting({ kernel, options }: KernelStep): boolean {
  if (kernel !== 'matmul' && kernel !== 'matmulJoined') return false;
  return !(options as MatmulGeometry).accumulate;
}

function isWhole(operand: Operand): boolean {
  return operand.offset === 0 && byteLengthOf(operand) === operand.slot.bytes;
}

function isList(list: readonly number[], expected: readonly number[]): boolean {
  return list.length === expected.length && list.every((value, i) => value === expected[i]);
}
