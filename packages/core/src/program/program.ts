import type { ProgramEngine, ProgramParts } from '../engine/engine.js';
import { probe } from '../engine/probe.js';
import { ConfigError, DisposedError, EngineError, TapeError } from '../errors.js';
import { createEmitter } from '../kernels/wasm/emitter.js';
import { within, type Scope } from '../memory/scope.js';
import { Storage } from '../memory/storage.js';
import { Tensor } from '../tensor.js';
import { DECIDED_OTHERWISE } from './decisions.js';
import { Derived } from './derived.js';
import { foldBatchNorms } from './fold.js';
import { join } from './join.js';
import { Layout } from './layout.js';
import { outsideOf, tensorOf, type Recording, type Slot } from './recording.js';
import { planRun, type Item, type RunPlan } from './run-plan.js';

/** What a program is made of, in numbers. */
export interface ProgramStats {
  /** Kernel launches of a run, those apart that only an unusual run makes. */
  readonly launches: number;
  /**
   * The operations that one launch does together: `conv2d + relu + maxPool2d` where one kernel does
   * several, `sgdStep × 6` or `conv2d backward | sum` where none needs another one.
   */
  readonly joined: readonly string[];
  /** Parts of a run that JavaScript does. */
  readonly hostCalls: number;
  /** Bytes of results that are there for the length of a run, in the places that they share. */
  readonly plannedBytes: number;
  /** Bytes that the program holds besides: arguments, tables, packed weights, constants. */
  readonly keptBytes: number;
}

/** What who reads a result is told after the next run. */
const RAN_AGAIN =
  'the program that gave it ran again, with { reuse: true }; read it before, or leave reuse out';
/** What who gives a result to the next run is told, which would overwrite it while it is read. */
const FED_BACK =
  'compile: expected inputs apart from the results of the last call, got one of them: with ' +
  '{ reuse: true } they lie where the next results are written; clone(x) it, or leave reuse out';

/** How a program is made. */
export interface ProgramOptions {
  readonly foldBatchNorm: boolean;
  /** Whether its results lie in memory of its own, where the next run finds them. */
  readonly reuse: boolean;
}

/** Kernel calls that are laid out once, and run again and again. */
export class Program {
  readonly stats: ProgramStats;
  readonly #recording: Recording;
  readonly #layout = new Layout();
  readonly #plan: RunPlan;
  /** Do the launches; null for the reference, whose programs have none. */
  readonly #jobs: ProgramParts['jobs'] | null;
  readonly #inputs: readonly Slot[];
  /** The memory of tensors that were there before, and that a run writes. */
  readonly #changed: readonly Storage[];
  /** The memory of all tensors that were there before. */
  readonly #outside: readonly Storage[];
  readonly #results: readonly Slot[];
  /** Results that outlive the next run in any case: gradients. */
  readonly #lasting: ReadonlySet<Slot>;
  /** The memory of gradients, which tensors come and go with. */
  readonly #retained: Storage[] = [];
  readonly #reuses: boolean;
  /** The memory of results that is used again, and the tensors that were given of it. */
  readonly #reused = new Map<Slot, Storage>();
  #given: readonly Tensor[] = [];
  #isDisposed = false;
  #isUnderWay = false;

  /** @throws EngineError if there is no memory for it. */
  constructor(
    recorded: Recording,
    { wasm }: ProgramEngine,
    { foldBatchNorm, reuse }: ProgramOptions,
  ) {
    this.#reuses = reuse;
    const folded = foldBatchNorm ? foldBatchNorms(recorded) : recorded;
    // Made here, so that bundles without programs do without it.
    const emitter = wasm ? createEmitter(wasm.wasm, wasm.frame, wasm.bindings) : null;
    const { recording, joined } = emitter
      ? join(folded, emitter)
      : { recording: folded, joined: [] };
    this.#recording = recording;
    this.#jobs = wasm ? wasm.jobs : null;
    this.#inputs = recording.slots.filter(({ kind }) => kind === 'input');
    const outside = recording.slots.filter(({ kind }) => kind === 'outside');
    this.#changed = outside.filter(({ writers }) => writers > 0).map(outsideOf);
    this.#outside = outside.map(outsideOf);
    const given = new Set(recording.results.map(({ slot }) => slot));
    this.#results = [...given].filter(({ kind }) => kind === 'made' || kind === 'constant');
    this.#lasting = new Set(
      recording.gradients.flatMap(({ after }) => {
        return typeof after === 'number' ? recording.results[after].slot : [];
      }),
    );
    for (const { after } of recording.gradients) {
      if (typeof after !== 'object' || after === null) continue;
      this.#retained.push(outsideOf(after.slot).retain());
    }
    const layout = this.#layout;
    const results = new Set(this.#results);
    const derived = new Derived(recording.steps, results);
    try {
      const plannedBytes = layout.placeAll(recording, results, derived);
      this.#plan = planRun(recording, { layout, derived, emitter });
      const { launches, joined: sideBySide, items } = this.#plan;
      this.stats = {
        launches,
        joined: [...joined, ...sideBySide],
        hostCalls: items.filter(({ kind }) => kind === 'host').length,
        plannedBytes,
        keptBytes: layout.keptBytes - plannedBytes,
      };
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * Does what the recorded function did, with other inputs of the same shapes.
   * @returns The results, in the order of the recording's; null where a decision came out otherwise than
   * when it was recorded, before anything was changed.
   */
  run(inputs: readonly Tensor[]): Tensor[] | null {
    const memory = new Map<Slot, Storage>();
    try {
      this.#begin(inputs, memory);
      this.#prepare();
      for (const item of this.#plan.items) this.#perform(item);
      return this.#finish(inputs, memory);
    } catch (error) {
      return abandon(memory, error);
    }
  }

  /**
   * As `run`, a launch at a time, and waits between them where `pause` says so. Until it is done the
   * program must not be run again.
   * @param scope The results are given to it.
   * @throws TapeError if it was closed meanwhile.
   */
  async runInTurns(
    inputs: readonly Tensor[],
    scope: Scope | null,
    pause: () => Promise<void> | undefined,
  ): Promise<Tensor[] | null> {
    const memory = new Map<Slot, Storage>();
    const held: Storage[] = [];
    this.#isUnderWay = true;
    try {
      this.#begin(inputs, memory);
      // Others may dispose of tensors in between.
      held.push(...memory.values(), ...this.#outside);
      for (const storage of held) storage.retain();
      this.#prepare();
      for (const perform of this.#pieces()) {
        perform();
        const turn = pause();
        if (turn === undefined) continue;
        await turn;
        // What was derived in between from the half of the numbers is out of date.
        this.#noteChanges(memory);
      }
      requireOpen(scope);
      return within(scope, () => this.#finish(inputs, memory));
    } catch (error) {
      return abandon(memory, error);
    } finally {
      for (const storage of held) storage.release();
      this.#isUnderWay = false;
      if (this.#isDisposed) this.dispose();
    }
  }

  /**
   * Says where inputs and results lie in this run.
   * @param memory Is filled with their memory, which is retained.
   */
  #begin(inputs: readonly Tensor[], memory: Map<Slot, Storage>): void {
    if (this.#isDisposed) throw new DisposedError('program: it was run after it was disposed of');
    for (const slot of this.#inputs) {
      const { storage } = tensorOf(slot, inputs);
      if (this.#isReused(storage)) throw new ConfigError(FED_BACK);
      memory.set(slot, storage.retain());
      this.#layout.place(slot, storage.address);
    }
    for (const check of this.#plan.checks) check();
    for (const tensor of this.#given) tensor.dispose(RAN_AGAIN);
    for (const slot of this.#results) {
      const storage = this.#resultMemory(slot);
      memory.set(slot, storage);
      this.#layout.place(slot, storage.address);
    }
    this.#noteChanges(memory);
  }

  /** Makes the results, and leaves gradients as the function does. */
  #finish(inputs: readonly Tensor[], memory: Map<Slot, Storage>): Tensor[] {
    const { results } = this.#recording;
    const tensors = results.map(({ slot, shape, dtype, origin, requiresGrad, leaf }) => {
      const grad = leaf === null ? null : leafOf(leaf, inputs).grad;
      if (grad) return grad;
      const storage = memory.get(slot) ?? outsideOf(slot);
      const tensor = new Tensor(storage.retain(), shape, dtype, origin);
      if (requiresGrad) tensor.requiresGrad = true;
      return tensor;
    });
    for (const storage of memory.values()) storage.release();
    memory.clear();
    this.#setGradients(inputs, tensors);
    if (this.#reuses) {
      this.#given = tensors.filter((_, i) => this.#reused.has(results[i].slot));
      for (const tensor of this.#given) tensor.refuseViews();
    }
    return tensors;
  }

  /** Frees what it holds, at the end of a run that is under way. Harmless when done twice. */
  dispose(): void {
    this.#isDisposed = true;
    if (this.#isUnderWay) return;
    this.#layout.free();
    for (const storage of this.#retained.splice(0)) storage.release();
  }

  /** Whether somebody holds a gradient's memory, which the next run would write, by a tensor of their own. */
  get isTaken(): boolean {
    for (const { leaf, after } of this.#recording.gradients) {
      if (typeof leaf === 'number' || typeof after !== 'object' || after === null) continue;
      const storage = outsideOf(after.slot);
      const { grad } = leaf;
      const own = grad && !grad.isDisposed && grad.storage === storage ? 2 : 1;
      if (storage.references > own) return true;
    }
    return false;
  }

  /** Whether the next results are to lie in that memory. */
  #isReused(storage: Storage): boolean {
    for (const reused of this.#reused.values()) if (reused === storage) return true;
    return false;
  }

  #resultMemory(slot: Slot): Storage {
    const { bytes, origin } = slot;
    if (!this.#reuses || this.#lasting.has(slot)) return new Storage(bytes, origin);
    let storage = this.#reused.get(slot);
    if (storage && storage.references > 1) {
      // Somebody has a view of the last result, such as a reshaped one: the memory is theirs now.
      this.#retained.splice(this.#retained.indexOf(storage), 1);
      storage.release();
      storage = undefined;
    }
    if (!storage) {
      storage = new Storage(bytes, origin);
      this.#reused.set(slot, storage);
      this.#retained.push(storage);
    }
    return storage.retain();
  }

  /** What comes before all items. */
  #prepare(): void {
    this.#layout.fill();
    for (const { sources, renew } of this.#plan.keepers) {
      if (!sources.takeChange()) continue;
      try {
        this.#perform(renew);
      } catch (error) {
        // What it keeps is out of date still.
        sources.forget();
        throw error;
      }
    }
  }

  #perform(item: Item): void {
    if (item.kind === 'host') {
      item.perform();
      return;
    }
    for (const prepare of item.before) prepare();
    if (item.from < item.to) this.#launch(item.from, item.to);
  }

  /** What a run does, a launch at a time. */
  *#pieces(): Iterable<() => void> {
    for (const item of this.#plan.items) {
      if (item.kind === 'host') {
        yield item.perform;
        continue;
      }
      yield* item.before;
      for (let i = item.from; i < item.to; i++) yield () => this.#launch(i, i + 1);
    }
  }

  /** Says that the tensors change that a run writes. */
  #noteChanges(memory: ReadonlyMap<Slot, Storage>): void {
    for (const storage of this.#changed) noteChange(storage);
    for (const slot of this.#inputs) {
      const storage = memory.get(slot);
      if (slot.writers > 0 && storage) noteChange(storage);
    }
  }

  /** Leaves the gradients as the function does, and whether inputs want one. */
  #setGradients(inputs: readonly Tensor[], tensors: readonly Tensor[]): void {
    const { gradients, marks } = this.#recording;
    for (const [input, requiresGrad] of marks) inputs[input].requiresGrad = requiresGrad;
    for (const step of gradients) {
      const { after } = step;
      if (after === 'same') continue;
      const leaf = leafOf(step.leaf, inputs);
      // Nobody could free the gradient of a leaf that is gone.
      if (leaf.isDisposed) continue;
      if (after === null || typeof after === 'number') {
        leaf.zeroGrad();
        if (after !== null) leaf.grad = tensors[after].keep();
        continue;
      }
      const { slot, shape, dtype, origin } = after;
      const { grad } = leaf;
      if (grad && !grad.isDisposed && grad.storage === slot.storage) continue;
      leaf.zeroGrad();
      leaf.grad = new Tensor(outsideOf(slot).retain(), shape, dtype, origin).keep();
    }
  }

  #launch(from: number, to: number): void {
    const jobs = this.#jobs;
    if (!jobs) throw new EngineError('program: its kernels are gone');
    const { list, scratchBytes, operations } = this.#plan;
    if (!probe) {
      jobs.runLaunches(list, from, to, scratchBytes);
      return;
    }
    for (let i = from; i < to; i++) {
      probe.operation(`program: ${operations[i]}`, [], () =>
        jobs.runLaunches(list, i, i + 1, scratchBytes),
      );
    }
  }
}

function leafOf(leaf: Tensor | number, inputs: readonly Tensor[]): Tensor {
  return typeof leaf === 'number' ? inputs[leaf] : leaf;
}

/** @throws TapeError if the scope that results are for has ended. */
export function requireOpen(scope: Scope | null): void {
  if (!scope?.isClosed) return;
  throw new TapeError(
    'compile: the scope in which runAsync was called ended before the call did, and with it the ' +
      'results; await the call inside, or call it outside of every scope',
  );
}

/** Ends a run that failed. @returns Null where it decided otherwise. @throws What it failed of. */
function abandon(memory: Map<Slot, Storage>, error: unknown): null {
  for (const storage of memory.values()) storage.release();
  memory.clear();
  if (error === DECIDED_OTHERWISE) return null;
  throw error;
}

/** Says that the bytes of a tensor change. */
function noteChange(storage: Storage): void {
  storage.version++;
  storage.noteWrite();
}
