import { viewOver } from '../dtype.js';
import { heap, isReference, type ProgramEngine, type ProgramParts } from '../engine/engine.js';
import { probe } from '../engine/probe.js';
import { ConfigError, DisposedError, EngineError, TapeError } from '../errors.js';
import { DeviceBuffer } from '../kernels/buffer.js';
import { checkPositions } from '../kernels/check-geometry.js';
import type { ReduceGeometry } from '../kernels/contract.js';
import { KERNELS } from '../kernels/table/kernels.js';
import { writesOf } from '../kernels/table/layout.js';
import { createEmitter, type Emitter, type Launch } from '../kernels/wasm/emitter.js';
import { RESERVED_BYTES } from '../memory/heap.js';
import { within, type Scope } from '../memory/scope.js';
import { Storage } from '../memory/storage.js';
import { Tensor } from '../tensor.js';
import { DECIDED_OTHERWISE } from './decisions.js';
import { foldBatchNorms } from './fold.js';
import { join } from './join.js';
import {
  groupLaunches,
  nameOf,
  scratchBytesOf,
  writeList,
  type Group,
  type Placed,
  type Range,
} from './launch-list.js';
import { planMemory } from './memory-plan.js';
import { positionsOf } from './positions.js';
import {
  byteLengthOf,
  tensorOf,
  type HostStep,
  type KernelStep,
  type Operand,
  type Recording,
  type Slot,
  type Step,
} from './recording.js';

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

/** Where operands seem to lie that are somewhere else in each run. */
const NOWHERE = RESERVED_BYTES;

/** A word that holds an address which changes from run to run. */
interface Patch {
  readonly word: number;
  readonly offset: number;
}

/** What a run does, in order. */
type Item = Stretch | { readonly kind: 'host'; readonly perform: () => void };

/** Launches that follow each other, `from` to before `to`. */
interface Stretch {
  readonly kind: 'launches';
  readonly from: number;
  to: number;
  /** What JavaScript does that none of them has a part in. */
  readonly before: (() => void)[];
}

/** How a program is made. */
export interface ProgramOptions {
  readonly foldBatchNorm: boolean;
  /** Whether its results lie in memory of its own, where the next run finds them. */
  readonly reuse: boolean;
}

/** What is made of tensors, and kept as long as they stay as they are. */
interface Keeper {
  readonly renew: () => void;
  readonly sources: readonly { readonly storage: Storage; writes: number }[];
  isDone: boolean;
}

/** Kernel calls that are laid out once, and run again and again. */
export class Program {
  readonly stats: ProgramStats;
  readonly #recording: Recording;
  readonly #wasm: { readonly jobs: ProgramParts['jobs']; readonly emitter: Emitter } | null;
  /** The slots that share places. */
  readonly #planned = new Set<Slot>();
  /** Where each slot lies; those of inputs and results are set by each run. */
  readonly #addresses = new Map<Slot, number>();
  readonly #patches = new Map<Slot, Patch[]>();
  readonly #items: Item[] = [];
  readonly #keepers: Keeper[] = [];
  /** What JavaScript filled memory with that kernels then change. */
  readonly #initial: Slot[] = [];
  /** Looks at positions that are there before the run. */
  readonly #checks: (() => void)[] = [];
  /** The operation of each launch, for who profiles. */
  readonly #operations: string[] = [];
  readonly #inputs: readonly Slot[];
  /** The memory of tensors that were there before, and that a run writes. */
  readonly #changed: readonly Storage[];
  /** The memory of all tensors that were there before. */
  readonly #outside: readonly Storage[];
  readonly #results: readonly Slot[];
  /** Results that outlive the next run in any case: gradients. */
  readonly #lasting: ReadonlySet<Slot>;
  readonly #kept: { address: number; bytes: number }[] = [];
  /** What JavaScript makes of tensors that no run changes, and the memory of those. */
  readonly #derived = new Map<Slot, readonly Storage[]>();
  /** The memory of gradients, which tensors come and go with. */
  readonly #retained: Storage[] = [];
  readonly #reuses: boolean;
  /** The memory of results that is used again, and the tensors that were given of it. */
  readonly #reused = new Map<Slot, Storage>();
  #given: readonly Tensor[] = [];
  #keptBytes = 0;
  #list = 0;
  #scratchBytes = 0;
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
    const emitter = wasm ? createEmitter(wasm.wasm, wasm.frame) : null;
    const { recording, joined } = emitter
      ? join(folded, emitter)
      : { recording: folded, joined: [] };
    this.#recording = recording;
    this.#wasm = wasm && emitter ? { jobs: wasm.jobs, emitter } : null;
    this.#inputs = recording.slots.filter(({ kind }) => kind === 'input');
    this.#changed = recording.slots.flatMap(({ kind, writers, storage }) =>
      kind === 'outside' && writers > 0 && storage !== null ? storage : [],
    );
    this.#outside = recording.slots.flatMap(({ kind, storage }) =>
      kind === 'outside' && storage !== null ? storage : [],
    );
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
    for (const step of recording.steps) if (step.kind === 'host') this.#derive(step);
    try {
      const plannedBytes = this.#layOut();
      const groups = this.#write(recording.steps);
      this.stats = {
        launches: groups.length,
        joined: [...joined, ...groups.filter(({ length }) => length > 1).map(nameOf)],
        hostCalls: this.#items.filter(({ kind }) => kind === 'host').length,
        plannedBytes,
        keptBytes: this.#keptBytes - plannedBytes,
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
      for (const item of this.#items) {
        if (item.kind === 'host') {
          item.perform();
          continue;
        }
        for (const prepare of item.before) prepare();
        if (item.from < item.to) this.#launch(item.from, item.to);
      }
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
    const reused = this.#reuses ? new Set(this.#reused.values()) : null;
    for (const slot of this.#inputs) {
      const { storage } = tensorOf(slot, inputs);
      if (reused?.has(storage)) throw new ConfigError(FED_BACK);
      memory.set(slot, storage.retain());
      this.#place(slot, storage.address);
    }
    for (const check of this.#checks) check();
    for (const tensor of this.#given) tensor.dispose(RAN_AGAIN);
    for (const slot of this.#results) {
      const storage = this.#resultMemory(slot);
      memory.set(slot, storage);
      this.#place(slot, storage.address);
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
    for (const { address, bytes } of this.#kept.splice(0)) heap.free(address, bytes);
    for (const storage of this.#retained.splice(0)) storage.release();
  }

  #resultMemory(slot: Slot): Storage {
    const { bytes, origin } = slot;
    if (!this.#reuses || this.#lasting.has(slot)) return new Storage(bytes, origin);
    let storage = this.#reused.get(slot);
    if (!storage) {
      storage = new Storage(bytes, origin);
      this.#reused.set(slot, storage);
      this.#retained.push(storage);
    }
    return storage.retain();
  }

  /** What comes before all launches. */
  #prepare(): void {
    for (const slot of this.#initial) {
      new Uint8Array(heap.buffer, this.#addressOf(slot), slot.bytes).set(initialOf(slot));
    }
    this.#renewKept();
  }

  /** What a run does, a launch at a time. */
  *#pieces(): Iterable<() => void> {
    for (const item of this.#items) {
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
    const jobs = this.#wasm?.jobs;
    if (!jobs) throw new EngineError('program: its kernels are gone');
    if (!probe) {
      jobs.runLaunches(this.#list, from, to, this.#scratchBytes);
      return;
    }
    for (let i = from; i < to; i++) {
      probe.operation(`program: ${this.#operations[i]}`, [], () =>
        jobs.runLaunches(this.#list, i, i + 1, this.#scratchBytes),
      );
    }
  }

  /** Makes again what is kept of tensors that have changed. */
  #renewKept(): void {
    for (const keeper of this.#keepers) {
      const { sources } = keeper;
      let isFresh = keeper.isDone;
      keeper.isDone = true;
      for (const source of sources) {
        const { writes, isViewed } = source.storage;
        if (writes !== source.writes || isViewed) isFresh = false;
        source.writes = writes;
      }
      if (!isFresh) keeper.renew();
    }
  }

  /** Says where a slot lies in this run. */
  #place(slot: Slot, address: number): void {
    this.#addresses.set(slot, address);
    const { words } = heap;
    for (const { word, offset } of this.#patches.get(slot) ?? []) words[word] = address + offset;
  }

  #addressOf(slot: Slot): number {
    return this.#addresses.get(slot) ?? NOWHERE;
  }

  #keep(bytes: number): number {
    const address = heap.allocate(bytes);
    this.#kept.push({ address, bytes });
    this.#keptBytes += bytes;
    return address;
  }

  /** Finds a place for every slot that has one. @returns The bytes of those that share theirs. */
  #layOut(): number {
    const { slots, steps } = this.#recording;
    const uses = usesOf(steps);
    const isResult = new Set(this.#results);
    for (const slot of slots) {
      if (slot.kind === 'outside') {
        this.#addresses.set(slot, outsideOf(slot).address);
        if (slot.initial) this.#initial.push(slot);
      }
      if (slot.kind === 'made' || isResult.has(slot)) {
        if (slot.initial) this.#initial.push(slot);
        if (isResult.has(slot)) this.#patches.set(slot, []);
        else if (this.#derived.has(slot)) this.#addresses.set(slot, this.#keep(slot.bytes));
        else if (uses.has(slot)) this.#planned.add(slot);
      } else if (slot.kind === 'constant' && uses.has(slot)) {
        const address = this.#keep(slot.bytes);
        this.#addresses.set(slot, address);
        new Uint8Array(heap.buffer, address, slot.bytes).set(initialOf(slot));
      } else if (slot.kind === 'input') this.#patches.set(slot, []);
    }
    const planned = [...this.#planned];
    const plan = planMemory(
      planned.map((slot) => {
        const { from, to } = uses.get(slot) ?? { from: 0, to: 0 };
        // Filled before the run begins.
        return { bytes: slot.bytes, from: slot.initial ? 0 : from, to };
      }),
    );
    const arena = plan.bytes > 0 ? this.#keep(plan.bytes) : 0;
    planned.forEach((slot, i) => this.#addresses.set(slot, arena + plan.offsets[i]));
    return plan.bytes;
  }

  /** Writes the launches down, and what JavaScript does between them. @returns The launches of a run. */
  #write(steps: readonly Step[]): Group[] {
    const written: Placed[] = [];
    const keepers: Placed[] = [];
    const derivers: Keeper[] = [];
    /** Positions that were looked at, or that a kernel computed. */
    const known = new Set<string>();
    const host = (perform: () => void): void => {
      this.#items.push({ kind: 'host', perform });
    };
    for (const [call, step] of steps.entries()) {
      if (step.kind === 'action') this.#stretchAt(written.length).before.push(step.run);
      else if (step.kind === 'host') {
        const run = (): void => this.#runHost(step);
        const made = step.operands.find(({ slot }) => this.#derived.has(slot));
        const sources = made?.access === 'fill' ? this.#sourcesOf([made.slot]) : null;
        // Before the launches that keep something of it in turn.
        if (sources) derivers.push({ renew: run, sources, isDone: false });
        else if (isCheck(step)) this.#checks.push(run);
        else host(run);
      } else if (!this.#wasm || isReference(step.kernels)) host(() => this.#runKernel(step));
      else {
        const check = this.#checkOf(step, known);
        if (check) {
          if (check.isEarly) this.#checks.push(check.run);
          else host(check.run);
        }
        if (step.renew) this.#stretchAt(written.length);
        for (const placed of this.#writeCall(step, call, this.#wasm.emitter)) {
          const sources = this.#keptOf(step, placed);
          if (sources) {
            const at = keepers.length;
            const renew = (): void => this.#launch(at, at + 1);
            this.#keepers.push({ renew, sources, isDone: false });
            keepers.push(placed);
          } else {
            this.#stretchAt(written.length).to++;
            written.push(placed);
          }
        }
      }
    }
    this.#keepers.unshift(...derivers);
    const groups: Group[] = keepers.map((keeper) => [keeper]);
    this.#items.forEach((item, i) => {
      if (item.kind !== 'launches') return;
      const from = groups.length;
      groups.push(...groupLaunches(written.slice(item.from, item.to)));
      this.#items[i] = { ...item, from, to: groups.length };
    });
    this.#list = writeList(groups, (bytes) => this.#keep(bytes));
    this.#operations.push(...groups.map(nameOf));
    this.#scratchBytes = scratchBytesOf(groups);
    return groups.slice(keepers.length);
  }

  /** The stretch that the next launch, whose number is `at`, belongs to. */
  #stretchAt(at: number): Stretch {
    const last = this.#items.at(-1);
    if (last?.kind === 'launches') return last;
    const stretch: Stretch = { kind: 'launches', from: at, to: at, before: [] };
    this.#items.push(stretch);
    return stretch;
  }

  /** Writes a call's arguments onto the heap. @returns Its launches. */
  #writeCall(step: KernelStep, call: number, emitter: Emitter): Placed[] {
    const buffers = step.operands.map((operand) => operand && this.#bufferOf(operand));
    const { kernel, options, operands, renew, operation } = step;
    const keep = (bytes: number): number => this.#keep(bytes);
    const blocks = emitter.emit(kernel, buffers, options, keep);
    const ranges = this.#rangesOf(step);
    const isWhole = blocks.length === 1 && blocks[0].launches.length === 1;
    const elements = isWhole ? Math.max(...operands.map((operand) => operand?.length ?? 0)) : 0;
    return blocks.flatMap((block) => {
      const word = this.#keep(block.words.length * 4) / 4;
      heap.words.set(block.words, word);
      for (const place of block.places) {
        const operand = operands[place.operand];
        if (!operand) continue;
        const offset = operand.offset + place.offset;
        this.#patches.get(operand.slot)?.push({ word: word + place.word, offset });
      }
      if (renew) {
        const n = operands[0]?.length ?? 0;
        const end = word + block.words.length;
        const stretch = this.#items.at(-1);
        if (stretch?.kind !== 'launches') throw new EngineError('program: a stretch is missing');
        stretch.before.push(() => {
          emitter.rewrite(kernel, heap.words.subarray(word, end), renew(), n);
        });
      }
      const placed = { blockWord: word, operation, call, ranges, elements };
      return block.launches.map((launch) => ({ ...launch, ...placed }));
    });
  }

  /** The bytes that a call reads and writes. */
  #rangesOf({ kernel, operands }: KernelStep): Range[] {
    const writes = writesOf(KERNELS[kernel]);
    return operands.flatMap((operand, i): Range[] => {
      if (!operand) return [];
      const { slot, offset } = operand;
      const isPlanned = this.#planned.has(slot);
      const from = (isPlanned ? this.#addressOf(slot) : 0) + offset;
      const to = from + byteLengthOf(operand);
      const isReused = this.#reuses && this.#results.includes(slot);
      const mayBeGiven = slot.kind === 'input' || slot.kind === 'outside' || isReused;
      return [{ slot: isPlanned ? null : slot, from, to, isWritten: writes[i], mayBeGiven }];
    });
  }

  /** A look at the positions of a call, unless somebody has looked at them, or made them, already. */
  #checkOf(
    { kernel, operands, options }: KernelStep,
    known: Set<string>,
  ): { isEarly: boolean; run: () => void } | null {
    const slots = this.#recording.slots;
    const keyOf = ({ slot, offset }: Operand, count: number, limit: number): string =>
      [slots.indexOf(slot), offset, count, limit].join(' ');
    if (kernel === 'max' || kernel === 'min') {
      const { outer, inner, n } = options as ReduceGeometry;
      const [, indices] = operands;
      if (indices) known.add(keyOf(indices, outer * inner, n));
    }
    const positions = positionsOf(kernel, options);
    if (!positions) return null;
    const { count, limit } = positions;
    const operand = operands[positions.operand];
    if (!operand) return null;
    const key = keyOf(operand, count, limit);
    // What is written more than once may hold something else by now.
    if (known.has(key) && operand.slot.writers <= 1) return null;
    known.add(key);
    return {
      isEarly: operand.slot.writers === 0,
      run: () => {
        const index = this.#bufferOf(operand);
        if (index.isOf('int32')) checkPositions(kernel, index, heap, count, limit);
      },
    };
  }

  /**
   * Notes what JavaScript makes of tensors which stays as long as they do: not where it draws numbers,
   * or works on what a run brings.
   */
  #derive({ operands }: HostStep): void {
    const made = operands.filter(({ access }) => access !== 'read');
    const read = operands.filter(({ access }) => access === 'read').map(({ slot }) => slot);
    const isOwn = made.every(
      ({ slot, access }) =>
        access === 'fill' && slot.writers === 1 && !this.#results.includes(slot),
    );
    if (!isOwn || made.length === 0 || read.length === 0) return;
    const sources = this.#sourcesOf(read);
    if (!sources) return;
    for (const { slot } of made)
      this.#derived.set(
        slot,
        sources.map(({ storage }) => storage),
      );
  }

  /** What a launch keeps something of, if none of it changes in a run. */
  #keptOf({ operands }: KernelStep, { keeps }: Launch): Keeper['sources'] | null {
    if (!keeps) return null;
    return this.#sourcesOf(keeps.flatMap((number) => operands[number]?.slot ?? []));
  }

  /** The memory that slots follow from, if it is the same in every run and no run changes it; else null. */
  #sourcesOf(slots: readonly Slot[]): Keeper['sources'] | null {
    const storages: Storage[] = [];
    for (const slot of slots) {
      const { kind, writers, storage } = slot;
      if (kind === 'constant') continue;
      const derived = this.#derived.get(slot);
      if (derived) storages.push(...derived);
      else if (kind !== 'outside' || writers > 0 || storage === null) return null;
      else storages.push(storage);
    }
    return storages.map((storage) => ({ storage, writes: -1 }));
  }

  #bufferOf({ slot, offset, dtype, length }: Operand): DeviceBuffer {
    return new DeviceBuffer(dtype, this.#addressOf(slot) + offset, length);
  }

  #runHost({ operands, run }: HostStep): void {
    run(
      ...operands.map(({ slot, dtype, size }) =>
        viewOver(dtype, heap.buffer, this.#addressOf(slot), size),
      ),
    );
  }

  #runKernel({ kernels, kernel, operands, options, renew }: KernelStep): void {
    const run: (...args: never[]) => void = kernels[kernel];
    const buffers = operands.map((operand) => operand && this.#bufferOf(operand));
    Reflect.apply(run, undefined, [...buffers, renew ? renew() : options]);
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

/** Whether it only looks at what is there before a run. */
function isCheck({ operands }: HostStep): boolean {
  return operands.every(
    ({ slot, access }) => access === 'read' && slot.kind !== 'made' && slot.writers === 0,
  );
}

/** The first and the last step that uses each slot. */
function usesOf(steps: readonly Step[]): Map<Slot, { from: number; to: number }> {
  const uses = new Map<Slot, { from: number; to: number }>();
  steps.forEach((step, i) => {
    if (step.kind === 'action') return;
    for (const operand of step.operands) {
      if (!operand) continue;
      const use = uses.get(operand.slot);
      if (use) use.to = i;
      else uses.set(operand.slot, { from: i, to: i });
    }
  });
  return uses;
}

function outsideOf({ storage }: Slot): Storage {
  if (storage === null) throw new EngineError('program: a tensor has no memory');
  return storage;
}

function initialOf({ initial }: Slot): Uint8Array {
  if (initial === null) throw new EngineError('program: a constant has no content');
  return initial;
}
