import type { BufferSource } from '../kernels/buffer.js';
import type { DType } from '../dtype.js';
import type { Guarded } from '../program/guards.js';
import type { NumericArray } from '../kernels/contract.js';

/** Memory that JavaScript works on in a part of an operation: host-call.ts. */
export interface HostUse {
  readonly memory: BufferSource;
  readonly dtype: DType;
  /** The number of elements. */
  readonly size: number;
  /** Reads them, fills them whatever they were, or changes them. */
  readonly access: 'read' | 'fill' | 'update';
}

/** Looks on while operations run: see profile.ts and program/recorder.ts. */
export interface Probe {
  /** Runs an operation, or its backward, on these inputs. */
  operation<T>(name: string, inputs: readonly unknown[], run: () => T): T;
  /** The kernels, with an eye on each call. */
  kernels<K extends object>(kernels: K): K;
  /** Is told of memory that a tensor is made in. */
  made?(memory: BufferSource): void;
  /** Is told before JavaScript reads or fills the elements of a tensor. */
  looked?(memory: BufferSource): void;
  /**
   * Is told that the gradient of a tensor, `present`, is about to be dropped, looked at (or added to), or
   * set to `next`.
   */
  graded?(
    tensor: object,
    what: 'drop' | 'use' | 'set',
    present: object | null,
    next?: object | null,
  ): void;
  /** Is told before it is set whether a tensor wants a gradient. */
  marked?(tensor: object): void;
  /**
   * Decides by numbers of tensors what an operation is made of.
   * @param decide Gives the same as long as the numbers don't say otherwise.
   */
  decision?<T>(
    name: string,
    uses: readonly HostUse[],
    decide: (...elements: NumericArray[]) => T,
    perform: () => T,
  ): T;
  /** Performs a part of an operation that JavaScript does on the elements of tensors. */
  host?(
    name: string,
    uses: readonly HostUse[],
    run: (...elements: NumericArray[]) => void,
    perform: () => void,
  ): void;
  /** Is told of something that it can't see and repeat: `draws random numbers`. */
  refuses?(what: string): void;
  /** Is told of an object whose state decides what is done. */
  relies?(guarded: Guarded): void;
  /** Performs what JavaScript does besides. */
  action?(run: () => void): void;
  /** Performs a kernel call whose options `options` gives anew each time. */
  renewing?(options: () => unknown, perform: () => void): void;
}

/** The one that looks on now; usually there is none, and asking is all that it costs. */
export let probe: Probe | null = null;

export function setProbe(next: Probe | null): void {
  probe = next;
}
