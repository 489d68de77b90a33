import { vi } from 'vitest';

/** What is wanted of a memory. */
export interface MemoryDescriptor {
  readonly initial: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}

/** What tests replace of `WebAssembly`. The types of Node have its types only. */
interface Constructors {
  Memory: new (descriptor: MemoryDescriptor) => object;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports?: object) => { readonly exports: object };
}

/** The real ones. */
export const webAssembly: Constructors = Reflect.get(globalThis, 'WebAssembly');

/**
 * Makes the system refuse some memories with a RangeError, until `vi.restoreAllMocks`.
 * @returns What it was asked for, with the maximum in pages: `shared 65536`.
 */
export function refuseMemory(isRefused: (wanted: MemoryDescriptor) => boolean): string[] {
  const wishes: string[] = [];
  const { Memory } = webAssembly;
  vi.spyOn(webAssembly, 'Memory').mockImplementation(function make(wanted) {
    wishes.push(`${wanted.shared === true ? 'shared' : 'local'} ${wanted.maximum}`);
    if (isRefused(wanted)) throw new RangeError('not so much');
    return new Memory(wanted);
  });
  return wishes;
}
