import { heap } from '../engine/engine.js';
import { probe, setProbe, type HostUse, type Probe } from '../engine/probe.js';
import { DeviceBuffer, type BufferSource } from '../kernels/buffer.js';
import type { KernelName, Kernels, NumericArray } from '../kernels/contract.js';
import { KERNELS } from '../kernels/table/kernels.js';
import { writesOf } from '../kernels/table/layout.js';
import { Storage } from '../memory/storage.js';
import { Tensor } from '../tensor.js';
import { type Guard, type Guarded, guardsOf } from './guards.js';
import {
  Slot,
  type Decision,
  type GradientStep,
  type HostOperand,
  type Operand,
  type Recording,
  type ResultTensor,
  type Step,
} from './recording.js';

/**
 * Looks on while a function runs, and writes down each kernel call by the memory that it uses. What
 * the function does that can't be written down so is noted as the reason why there is no program.
 */
export class Recorder implements Probe {
  /** What the run depended on, as it said itself, as that was then. */
  readonly guards: Guard[] = [];
  /** Why the run is none that a program could repeat; null as long as nothing speaks against it. */
  failure: string | null = null;
  /** Whether all that speaks against it is what a first call makes and a later one finds. */
  isWarmUp = false;
  readonly #steps: Step[] = [];
  readonly #slots = new Map<BufferSource, Slot>();
  readonly #outer: Probe | null;
  readonly #inputs: readonly Tensor[];
  readonly #decisions: Decision[] = [];
  readonly #gradients = new Map<Tensor, { before: Tensor | null | 'any'; after: Tensor | null }>();
  readonly #outside = new Map<Tensor, boolean>();
  #operation = '';
  /** Whether JavaScript works on elements at a place that is written down. */
  #isHost = false;
  #renew: (() => unknown) | null = null;

  constructor(inputs: readonly Tensor[]) {
    this.#outer = probe;
    this.#inputs = inputs;
    inputs.forEach(({ storage }, i) => {
      if (!this.#slots.has(storage)) this.#slots.set(storage, Slot.of('input', storage, i));
    });
  }

  /** Runs `fn` under this recorder's eyes. */
  watch<T>(fn: () => T): T {
    setProbe(this);
    try {
      return fn();
    } finally {
      setProbe(this.#outer);
    }
  }

  operation<T>(name: string, inputs: readonly unknown[], run: () => T): T {
    for (const input of inputs) {
      if (!(input instanceof Tensor) || this.#slotOf(input.storage).kind !== 'outside') continue;
      if (!this.#outside.has(input)) this.#outside.set(input, input.requiresGrad);
    }
    const before = this.#operation;
    // Operations are made of operations: the outermost is the one that people know.
    if (before === '') this.#operation = name;
    try {
      return this.#outer ? this.#outer.operation(name, inputs, run) : run();
    } finally {
      this.#operation = before;
    }
  }

  kernels(kernels: Kernels): Kernels {
    const watched = this.#outer?.kernels(kernels) ?? kernels;
    return new Proxy(watched, {
      get: (all, name) => {
        const kernel: unknown = Reflect.get(all, name);
        if (typeof kernel !== 'function' || !isKernel(name)) return kernel;
        return (...args: unknown[]) => {
          this.#note(name, args, kernels);
          Reflect.apply(kernel, undefined, args);
        };
      },
    });
  }

  made(memory: BufferSource): void {
    if (memory instanceof Storage) this.#slots.set(memory, Slot.of('made', memory));
  }

  looked(memory: BufferSource): void {
    if (this.#isHost || !(memory instanceof Storage)) return;
    const slot = this.#slotOf(memory);
    // JavaScript fills what it has just made.
    if (slot.kind === 'made' && slot.initial === null && slot.writers === 0) slot.kind = 'constant';
    if (slot.kind === 'constant' && slot.initial === null) return;
    const whose = slot.kind === 'input' ? `input ${slot.input}` : `the result of ${slot.origin}`;
    this.#fail(
      `${this.#operation || 'the function'} looks at the numbers of ` +
        (slot.kind === 'outside' ? `a tensor made by ${slot.origin}` : whose),
    );
  }

  host(
    name: string,
    uses: readonly HostUse[],
    run: (...elements: NumericArray[]) => void,
    perform: () => void,
  ): void {
    this.#steps.push({ kind: 'host', name, operands: this.#operandsOf(uses), run });
    this.#asHost(perform);
  }

  decision<T>(
    name: string,
    uses: readonly HostUse[],
    decide: (...elements: NumericArray[]) => T,
    perform: () => T,
  ): T {
    const operands = this.#operandsOf(uses);
    const outcome = this.#asHost(perform);
    for (const { slot } of operands) {
      if (slot.writers === 0 && slot.kind !== 'made') continue;
      this.#fail(`${name} decides by numbers of the result of ${slot.origin} what to do`);
    }
    this.#decisions.push({ operands, decide, outcome });
    return outcome;
  }

  graded(tensor: object, what: 'drop' | 'use' | 'set', next: object | null = null): void {
    if (!(tensor instanceof Tensor)) return;
    const slot = this.#slotOf(tensor.storage);
    // Of what the function made itself, nobody sees the gradient afterwards.
    if (slot.kind === 'made' || slot.kind === 'constant') return;
    const { grad } = tensor;
    const present = grad?.isDisposed === true ? null : grad;
    const known = this.#gradients.get(tensor);
    const before = known ? known.before : what === 'drop' ? 'any' : present;
    const after = what === 'use' ? present : next instanceof Tensor ? next : null;
    this.#gradients.set(tensor, { before, after });
  }

  #operandsOf(uses: readonly HostUse[]): HostOperand[] {
    return uses.flatMap(({ memory, dtype, size, access }) => {
      if (!(memory instanceof Storage)) return [];
      const slot = this.#slotOf(memory);
      this.#use(slot, access !== 'read', access !== 'fill');
      return [{ slot, dtype, size, access }];
    });
  }

  /** Lets JavaScript look at elements meanwhile. */
  #asHost<T>(perform: () => T): T {
    const before = this.#isHost;
    this.#isHost = true;
    try {
      return perform();
    } finally {
      this.#isHost = before;
    }
  }

  refuses(what: string): void {
    if (this.#isHost) return;
    this.#fail(`${this.#operation || 'the function'} ${what}`);
  }

  relies(guarded: Guarded): void {
    this.guards.push(...guarded[guardsOf]());
  }

  action(run: () => void): void {
    this.#steps.push({ kind: 'action', run });
    run();
  }

  renewing(options: () => unknown, perform: () => void): void {
    this.#renew = options;
    try {
      perform();
    } finally {
      this.#renew = null;
    }
  }

  /**
   * The whole run.
   * @param results Those tensors of the function's result that it made, or was given.
   */
  finish(results: readonly Tensor[]): Recording {
    const resultOf = ({ storage, shape, dtype, origin }: Tensor): ResultTensor => {
      return { slot: this.#slotOf(storage), shape, dtype, origin };
    };
    const resultTensors = results.map(resultOf);
    const gradients = this.#finishGradients(resultOf);
    const given = new Set(resultTensors.map(({ slot }) => slot));
    const slots = [...this.#slots.values()];
    for (const slot of slots) {
      if (slot.kind !== 'made' && slot.kind !== 'constant') continue;
      const isAlive = slot.storage !== null && slot.storage.references > 0;
      if (isAlive && !given.has(slot)) {
        this.isWarmUp ||= this.failure === null;
        this.#fail(`it makes a tensor (by ${slot.origin}) that outlives the call and is no result`);
      }
      // What no kernel used yet is a result as JavaScript filled it.
      if (slot.kind === 'constant' && isAlive) this.#snapshot(slot);
      slot.storage = null;
    }
    const outside = [...this.#outside]
      // Another name for one, such as detach gives, goes with the call.
      .filter(([tensor]) => !tensor.isDisposed)
      .map(([tensor, requiresGrad]) => ({ tensor, requiresGrad }));
    const [steps, decisions] = [this.#steps, this.#decisions];
    return { steps, slots, results: resultTensors, decisions, gradients, outside };
  }

  /** What became of gradients, whose memory outlives the call. */
  #finishGradients(resultOf: (gradient: Tensor) => ResultTensor): GradientStep[] {
    return [...this.#gradients].flatMap(([leaf, { before, after }]): GradientStep[] => {
      if (leaf.isDisposed) return [];
      const input = this.#inputs.indexOf(leaf);
      if (input >= 0) this.#fail(`it changes the gradient of input ${input}`);
      if (after === before) return [{ leaf, before, after: 'same' }];
      if (after === null) return [{ leaf, before, after }];
      const result = resultOf(after);
      const { slot } = result;
      if (slot.kind === 'constant') this.#fail('a gradient is filled by JavaScript');
      if (slot.kind === 'made') {
        slot.kind = 'outside';
        slot.isOwn = true;
      }
      return [{ leaf, before, after: result }];
    });
  }

  #fail(reason: string): void {
    this.failure ??= reason;
  }

  #note(kernel: KernelName, args: readonly unknown[], kernels: Kernels): void {
    const writes = writesOf(KERNELS[kernel]);
    const buffers = args.slice(0, writes.length);
    const operands = buffers.map((buffer, i): Operand | null => {
      if (!(buffer instanceof DeviceBuffer)) return null;
      const { source } = buffer;
      if (!(source instanceof Storage)) {
        this.#fail(`${kernel} works on memory that belongs to no tensor`);
        return null;
      }
      const slot = this.#slotOf(source);
      const text = KERNELS[kernel].operands[i] ?? '';
      const isWhole = text.startsWith('out ') && buffer.byteLength === slot.bytes;
      this.#use(slot, writes[i] ?? false, !isWhole);
      const offset = buffer.address - source.address;
      return { slot, offset, dtype: buffer.dtype, length: buffer.length };
    });
    // A call that has nothing to write isn't made (checked.ts).
    if (operands[0]?.length === 0) return;
    this.#steps.push({
      kind: 'kernel',
      kernel,
      operands,
      options: args[writes.length],
      renew: this.#renew,
      kernels,
      operation: this.#operation || kernel,
    });
  }

  /** Notes that a step uses a slot, before it does. */
  #use(slot: Slot, isWritten: boolean, isRead: boolean): void {
    if (slot.kind === 'constant' && slot.initial === null && isRead) this.#snapshot(slot);
    if (!isWritten) return;
    slot.writers++;
    if (slot.kind === 'input') {
      this.#fail(`${this.#operation || 'the function'} changes input ${slot.input}`);
    }
    if (slot.kind === 'constant') slot.kind = 'made';
  }

  #snapshot(slot: Slot): void {
    const { storage } = slot;
    if (storage === null) return;
    slot.initial = new Uint8Array(heap.buffer, storage.address, storage.bytes).slice();
  }

  #slotOf(storage: Storage): Slot {
    let slot = this.#slots.get(storage);
    if (!slot) {
      slot = Slot.of('outside', storage);
      this.#slots.set(storage, slot);
    }
    return slot;
  }
}

function isKernel(name: string | symbol): name is KernelName {
  return Object.hasOwn(KERNELS, name);
}
