import { heap } from '../engine/engine.js';
import { probe, setProbe, type HostUse, type Probe } from '../engine/probe.js';
import { DeviceBuffer, type BufferSource } from '../kernels/buffer.js';
import type { KernelName, NumericArray } from '../kernels/contract.js';
import { writesOf } from '../kernels/table/layout.js';
import { isKernel, rowOf } from '../kernels/table/rows.js';
import { moveOut, type Scope } from '../memory/scope.js';
import { Storage } from '../memory/storage.js';
import { Tensor } from '../tensor.js';
import { DECIDED_OTHERWISE, decideFirst } from './decisions.js';
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
  readonly #outcomes: unknown[] = [];
  readonly #gradients = new Map<Tensor, { before: Tensor | null | 'any'; after: Tensor | null }>();
  /** Tensors that got a gradient. */
  readonly #leaves = new Set<Tensor>();
  /** Whether inputs wanted a gradient before the run. */
  readonly #wanted: readonly boolean[];
  readonly #outside = new Map<Tensor, boolean>();
  #operation = '';
  /** Whether JavaScript works on elements at a place that is written down. */
  #isHost = false;
  #renew: (() => unknown) | null = null;

  constructor(inputs: readonly Tensor[]) {
    this.#outer = probe;
    this.#inputs = inputs;
    this.#wanted = inputs.map(({ requiresGrad }) => requiresGrad);
    inputs.forEach(({ storage }, i) => {
      if (!this.#slots.has(storage)) this.#slots.set(storage, Slot.ofInput(storage, i));
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
      if (input instanceof Tensor) this.marked(input);
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

  kernels<K extends object>(kernels: K): K {
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
    this.#fail(`${this.#operation || 'the function'} looks at the numbers of ${whose(slot)}`);
  }

  host(
    name: string,
    uses: readonly HostUse[],
    run: (...elements: NumericArray[]) => void,
    perform: () => void,
  ): void {
    const operands = this.#operandsOf(uses);
    this.#steps.push({ kind: 'host', name, operands, run, isDecision: false });
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
    if (operands.every(({ slot }) => slot.writers === 0 && slot.kind !== 'made')) {
      this.#decisions.push({ operands, decide, outcome });
      return outcome;
    }
    const run = (...elements: NumericArray[]): void => {
      if (!Object.is(decide(...elements), outcome)) throw DECIDED_OTHERWISE;
    };
    this.#outcomes.push(outcome);
    this.#steps.push({ kind: 'host', name, operands, run, isDecision: true });
    return outcome;
  }

  marked(tensor: object): void {
    if (!(tensor instanceof Tensor) || this.#slotOf(tensor.storage).kind !== 'outside') return;
    if (!this.#outside.has(tensor)) this.#outside.set(tensor, tensor.requiresGrad);
  }

  graded(
    tensor: object,
    what: 'drop' | 'use' | 'set',
    grad: object | null,
    next: object | null = null,
  ): void {
    if (!(tensor instanceof Tensor)) return;
    if (next !== null) this.#leaves.add(tensor);
    const slot = this.#slotOf(tensor.storage);
    // Of what the function made itself, nobody sees the gradient afterwards.
    if (slot.kind === 'made' || slot.kind === 'constant') return;
    const present = grad instanceof Tensor && !grad.isDisposed ? grad : null;
    const known = this.#gradients.get(tensor);
    const before = known ? known.before : what === 'drop' ? 'any' : present;
    const after = what === 'use' ? present : next instanceof Tensor ? next : null;
    this.#gradients.set(tensor, { before, after });
    if (known || !(before instanceof Tensor)) return;
    const input = this.#inputs.indexOf(tensor);
    if (input < 0) return;
    const { storage } = before;
    if (this.#slots.has(storage)) {
      this.#fail(`the gradient of input ${input} lies in the memory of another tensor`);
    } else this.#slots.set(storage, Slot.ofInput(storage, input, true));
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

  /** Gives results to the caller that belong to the scope of the run. */
  handUp(results: readonly Tensor[], scope: Scope): void {
    for (const leaf of this.#leaves) {
      const { grad } = leaf;
      if (leaf.isDisposed || leaf.owner !== scope || grad === null) continue;
      if (results.includes(leaf)) {
        this.#fail('it returns a tensor that it computes the gradient of; return detach() of it');
      } else if (results.includes(grad)) {
        // It would end with the tensor that it is the gradient of.
        leaf.grad = null;
        scope.adopt(grad);
      }
    }
    for (const tensor of results) if (tensor.owner === scope) moveOut(tensor, scope);
  }

  /**
   * The whole run.
   * @param results Those tensors of the function's result that it made, or was given.
   */
  finish(results: readonly Tensor[]): Recording {
    const resultOf = (tensor: Tensor): ResultTensor => {
      const { storage, shape, dtype, origin } = tensor;
      const isGiven = this.#inputs.includes(tensor) || this.#outside.has(tensor);
      const requiresGrad = !isGiven && tensor.requiresGrad;
      const leaf = this.#leafOf(tensor);
      return { slot: this.#slotOf(storage), shape, dtype, origin, requiresGrad, leaf };
    };
    for (const { isDisposed, origin } of results) {
      if (isDisposed) this.#fail(`it returns a tensor (made by ${origin}) that it disposed of`);
    }
    const resultTensors = results.map(resultOf);
    const gradients = this.#finishGradients(results, resultTensors, resultOf);
    const marks = new Map<number, boolean>();
    this.#inputs.forEach(({ isDisposed, requiresGrad }, i) => {
      if (!isDisposed && requiresGrad !== this.#wanted[i]) marks.set(i, requiresGrad);
    });
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
    const steps = decideFirst(this.#steps, (reason) => this.#fail(reason));
    const [decisions, outcomes] = [this.#decisions, this.#outcomes];
    return { steps, slots, results: resultTensors, decisions, outcomes, gradients, marks, outside };
  }

  /** The tensor outside, or the number of the input, that had this gradient before; null for none. */
  #leafOf(gradient: Tensor): Tensor | number | null {
    for (const [leaf, { before, after }] of this.#gradients) {
      if (before !== gradient || after !== gradient) continue;
      const input = this.#inputs.indexOf(leaf);
      return input < 0 ? leaf : input;
    }
    return null;
  }

  /**
   * What became of gradients, which outlive the call. Those of inputs, which each run has others of, are
   * results like those that the function returns, and put behind them.
   * @param returned What the function returned, of which `results` are the descriptions.
   */
  #finishGradients(
    returned: readonly Tensor[],
    results: ResultTensor[],
    resultOf: (gradient: Tensor) => ResultTensor,
  ): GradientStep[] {
    const given = new Set(results.map(({ slot }) => slot));
    return [...this.#gradients].flatMap(([tensor, known]): GradientStep[] => {
      if (tensor.isDisposed) return [];
      const input = this.#inputs.indexOf(tensor);
      const { after } = known;
      const isInput = input >= 0;
      const leaf = isInput ? input : tensor;
      const before = isInput && known.before instanceof Tensor ? 'some' : known.before;
      const of = this.#slotOf(tensor.storage);
      if (!isInput && of.kind === 'input') {
        this.#fail(`it uses the gradient of a tensor that shares the memory of input ${of.input}`);
      }
      if (after === known.before) return [{ leaf, before, after: 'same' }];
      if (after === null) return [{ leaf, before, after }];
      const number = returned.indexOf(after);
      const result = number < 0 ? resultOf(after) : results[number];
      const { slot } = result;
      const isMade = slot.kind === 'made' || slot.kind === 'constant';
      if (isInput && !isMade) {
        this.#fail(`the gradient of input ${input} lies in the memory of another tensor`);
      }
      if (isInput || (isMade && given.has(slot))) {
        given.add(slot);
        return [{ leaf, before, after: number < 0 ? results.push(result) - 1 : number }];
      }
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

  #note(kernel: KernelName, args: readonly unknown[], kernels: object): void {
    const row = rowOf(kernel);
    const writes = writesOf(row);
    const buffers = args.slice(0, writes.length);
    const operands = buffers.map((buffer, i): Operand | null => {
      if (!(buffer instanceof DeviceBuffer)) return null;
      const { source } = buffer;
      if (!(source instanceof Storage)) {
        this.#fail(`${kernel} works on memory that belongs to no tensor`);
        return null;
      }
      const slot = this.#slotOf(source);
      const text = row.operands[i] ?? '';
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
    if (slot.kind === 'input' && !slot.isGradient) {
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

/** Names a tensor by where it comes from. */
function whose({ kind, input, isGradient, origin }: Slot): string {
  if (kind === 'outside') return `a tensor made by ${origin}`;
  if (kind !== 'input') return `the result of ${origin}`;
  return isGradient ? `the gradient of input ${input}` : `input ${input}`;
}
