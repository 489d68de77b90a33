import type { Kernels } from '../kernels/contract.js';

/** Looks on while operations run: see profile.ts. */
export interface Probe {
  /** Runs an operation, or its backward, on these inputs. */
  operation<T>(name: string, inputs: readonly unknown[], run: () => T): T;
  /** The kernels, with an eye on each call. */
  kernels(kernels: Kernels): Kernels;
}

/** The one that looks on now; usually there is none, and asking is all that it costs. */
export let probe: Probe | null = null;

export function setProbe(next: Probe | null): void {
  probe = next;
}
