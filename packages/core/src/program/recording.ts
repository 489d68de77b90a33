import { bytesPerElement, type DType } from '../dtype.js';
import type { HostUse } from '../engine/probe.js';
import { EngineError } from '../errors.js';
import type { ElementType } from '../kernels/buffer.js';
import type { KernelName, NumericArray } from '../kernels/contract.js';
import type { Storage } from '../memory/storage.js';
import type { Tensor } from '../tensor.js';

/*
 * A run of a function as a program remembers it: the kernel calls that it made, and between them
 * what JavaScript did, on memory that is known by its use and not by its address.
 */

/**
 * Where the bytes of a slot come from:
 *
 * - `input`: a tensor that is handed to the function;
 * - `outside`: a tensor that was there before and stays: a parameter, a buffer, a table;
 * - `made`: memory that the function takes;
 * - `constant`: the same, filled by JavaScript and read by kernels only.
 */
export type SlotKind = 'input' | 'outside' | 'made' | 'constant';

/** Of no input. */
const NO_INPUT = { input: -1, isGradient: false };

/** Bytes that calls read and write. */
export class Slot {
  kind: SlotKind;
  readonly bytes: number;
  /** The operation that made it, for people. */
  readonly origin: string;
  /** Its tensors' memory; null from the end of the recording on where the function took it. */
  storage: Storage | null;
  /** The number of the input that it is of; -1 for none. */
  readonly input: number;
  /** Whether it is that input's gradient. */
  readonly isGradient: boolean;
  /** What JavaScript filled it with before a kernel used it. */
  initial: Uint8Array | null = null;
  /** Whether the function made it, and it outlives the call: a gradient. */
  isOwn = false;
  /** Steps that write it. */
  writers = 0;

  private constructor(
    kind: SlotKind,
    { bytes, origin }: { readonly bytes: number; readonly origin: string },
    storage: Storage | null,
    { input, isGradient }: Pick<Slot, 'input' | 'isGradient'>,
  ) {
    this.kind = kind;
    this.bytes = bytes;
    this.origin = origin;
    this.storage = storage;
    this.input = input;
    this.isGradient = isGradient;
  }

  /** That of a tensor's memory. */
  static of(kind: SlotKind, storage: Storage): Slot {
    return new Slot(kind, storage, storage, NO_INPUT);
  }

  /** That of an input, or of the gradient that an input has before the run. */
  static ofInput(storage: Storage, input: number, isGradient = false): Slot {
    return new Slot('input', storage, storage, { input, isGradient });
  }

  /** Memory that a program takes besides. */
  static made(bytes: number, origin: string): Slot {
    return new Slot('made', { bytes, origin }, null, NO_INPUT);
  }
}

/** A run of elements in a slot. */
export interface Operand {
  readonly slot: Slot;
  /** Bytes from the slot's beginning. */
  readonly offset: number;
  readonly dtype: ElementType;
  /** The number of elements. */
  readonly length: number;
}

/** A kernel call. */
export interface KernelStep {
  readonly kind: 'kernel';
  readonly kernel: KernelName;
  readonly operands: readonly (Operand | null)[];
  readonly options: unknown;
  /** What gives the options anew before each run; null where they stay as they are. */
  readonly renew: (() => unknown) | null;
  /** Those that it was called of, behind their checks. */
  readonly kernels: object;
  /** The operation that called it. */
  readonly operation: string;
}

/** A tensor that JavaScript works on between kernel calls. */
export interface HostOperand {
  readonly slot: Slot;
  readonly dtype: DType;
  readonly size: number;
  readonly access: HostUse['access'];
}

/** Work that JavaScript does between kernel calls, on the elements of tensors. */
export interface HostStep {
  readonly kind: 'host';
  readonly name: string;
  readonly operands: readonly HostOperand[];
  readonly run: (...elements: NumericArray[]) => void;
  /** Whether it decides if the run goes on: it throws `DECIDED_OTHERWISE` if not (decisions.ts). */
  readonly isDecision: boolean;
}

/** What JavaScript does besides, such as counting a step. */
export interface ActionStep {
  readonly kind: 'action';
  readonly run: () => void;
}

export type Step = KernelStep | HostStep | ActionStep;

/** A tensor among the results. */
export interface ResultTensor {
  readonly slot: Slot;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly origin: string;
  /** Whether it wants a gradient. */
  readonly requiresGrad: boolean;
  /** The tensor outside, or the number of the input, whose gradient of before it is; null for none. */
  readonly leaf: Tensor | number | null;
}

/** A decision that was taken by numbers that are there before the run. */
export interface Decision {
  readonly operands: readonly HostOperand[];
  readonly decide: (...elements: NumericArray[]) => unknown;
  readonly outcome: unknown;
}

/** What became of the gradient of a tensor. */
export interface GradientStep {
  /** The tensor, or the number of the input that it is. */
  readonly leaf: Tensor | number;
  /**
   * The gradient that must be there before the run: `any` where the function drops it first, null where
   * there must be none, or the tensor that is added to: of an input, `some`.
   */
  readonly before: Tensor | 'some' | 'any' | null;
  /**
   * The gradient afterwards: one in memory of the program's own, a result, by its number, the `same` that
   * was there, or none.
   */
  readonly after: ResultTensor | number | 'same' | null;
}

/** A tensor that was there before, and whether it wanted a gradient. */
export interface OutsideTensor {
  readonly tensor: Tensor;
  readonly requiresGrad: boolean;
}

/** All that a program is made of. */
export interface Recording {
  readonly steps: readonly Step[];
  readonly slots: readonly Slot[];
  /** What the function returned, and behind it gradients that are another's memory in each run. */
  readonly results: readonly ResultTensor[];
  readonly decisions: readonly Decision[];
  /** How decisions by numbers came out that the run computes. */
  readonly outcomes: readonly unknown[];
  readonly gradients: readonly GradientStep[];
  /** Inputs of which the function says whether they want a gradient, and what it says. */
  readonly marks: ReadonlyMap<number, boolean>;
  readonly outside: readonly OutsideTensor[];
}

/** The input that a slot is of, or the gradient that it has, in a run. */
export function tensorOf({ input, isGradient }: Slot, inputs: readonly Tensor[]): Tensor {
  const tensor = isGradient ? inputs[input].grad : inputs[input];
  if (tensor === null) throw new EngineError('program: an input has lost its gradient');
  return tensor;
}

/** The memory of a slot that was there before. */
export function outsideOf({ storage }: Slot): Storage {
  if (storage === null) throw new EngineError('program: a tensor has no memory');
  return storage;
}

/** The bytes of an operand. */
export function byteLengthOf({ dtype, length }: Operand): number {
  return length * bytesPerElement(dtype);
}
