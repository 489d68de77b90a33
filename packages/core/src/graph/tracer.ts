/** The arguments of an operation: by the names of its parameters, in their order, or without names. */
export type TracedArguments = Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * Looks on while a function is traced: see recorder.ts. Tensors are any objects to it here, as a tensor
 * tells of itself.
 */
export interface Tracer {
  /**
   * Runs an operation and records it. Nobody looks on meanwhile, so those that it is made of are not
   * recorded.
   * @param run The public function, which the graph calls again.
   */
  operation<Args extends readonly unknown[], T>(
    name: string,
    run: (...args: Args) => T,
    args: TracedArguments,
  ): T;
  /** A tensor was made. */
  made(tensor: object): void;
  /** The numbers of a tensor are about to be read. */
  reads(name: string, tensor: object): void;
  /** A tensor is about to be changed in place, which `again` does once more. */
  changes(name: string, tensor: object, again: () => void): void;
  /** Something that no graph holds is about to happen: a random number, a walk back over a tape. */
  refuses(name: string, what: string): void;
}

/** The one that looks on now; usually there is none, and asking is all that it costs. */
export let tracer: Tracer | null = null;

/** @returns The one that looked on before. */
export function setTracer(next: Tracer | null): Tracer | null {
  const before = tracer;
  tracer = next;
  return before;
}
