import { heap, isReference } from '../engine/engine.js';
import { checkPositions } from '../kernels/check-geometry.js';
import type { KernelName, ReduceGeometry } from '../kernels/contract.js';
import { writesOf } from '../kernels/table/layout.js';
import { rowOf } from '../kernels/table/rows.js';
import type { Emitter } from '../kernels/wasm/emitter.js';
import type { Derived, Sources } from './derived.js';
import {
  groupLaunches,
  nameOf,
  scratchBytesOf,
  writeList,
  type Group,
  type Placed,
  type Range,
} from './launch-list.js';
import type { Layout } from './layout.js';
import { positionsOf, type Positions } from './positions.js';
import {
  byteLengthOf,
  type HostStep,
  type KernelStep,
  type Operand,
  type Recording,
} from './recording.js';

/** A part of a run. */
export type Item = Stretch | HostCall;

/** Launches of the list that follow each other, `from` to before `to`. */
export interface Stretch {
  readonly kind: 'launches';
  readonly from: number;
  readonly to: number;
  /** What JavaScript does that none of them has a part in. */
  readonly before: readonly (() => void)[];
}

/** What JavaScript does between launches. */
export interface HostCall {
  readonly kind: 'host';
  readonly perform: () => void;
}

/** What is made of tensors, and kept as long as they stay as they are. */
export interface Keeper {
  readonly sources: Sources;
  readonly renew: Item;
}

/** What the runs of a program do. */
export interface RunPlan {
  /** Look at what is there before the run, and throw. */
  readonly checks: readonly (() => void)[];
  /** Come before the items, each where its sources have changed; in order, as some need others. */
  readonly keepers: readonly Keeper[];
  readonly items: readonly Item[];
  /** Where the list of launches lies, those of keepers first. */
  readonly list: number;
  /** What a part of a launch needs to work in. */
  readonly scratchBytes: number;
  /** The operation of each launch in the list, for who profiles. */
  readonly operations: readonly string[];
  /** How many of them are the items'. */
  readonly launches: number;
  /** The operations of those that are several side by side. */
  readonly joined: readonly string[];
}

/** What a plan is made with. */
interface Means {
  /** Says where the slots lie, and holds what is written. */
  readonly layout: Layout;
  readonly derived: Derived;
  /** Null for the reference, whose kernels are called one by one. */
  readonly emitter: Emitter | null;
}

/**
 * Writes a recording down: its kernel calls as launches on the heap, and what JavaScript does between
 * them.
 * @throws EngineError if there is no memory for it.
 */
export function planRun(recording: Recording, means: Means): RunPlan {
  return new Planner(recording, means).plan();
}

/** A stretch that launches are still added to. Its numbers are those of the items' launches, ungrouped. */
interface OpenStretch extends Stretch {
  to: number;
  readonly before: (() => void)[];
}

class Planner {
  readonly #recording: Recording;
  readonly #layout: Layout;
  readonly #derived: Derived;
  readonly #emitter: Emitter | null;
  readonly #checks: (() => void)[] = [];
  /** The keepers of what JavaScript makes. */
  readonly #derivers: Keeper[] = [];
  /** Those of what launches make, one each. */
  readonly #keepers: Keeper[] = [];
  readonly #items: (OpenStretch | HostCall)[] = [];
  /** The launches of keepers. */
  readonly #keeping: Placed[] = [];
  /** The launches of items. */
  readonly #written: Placed[] = [];
  /** Positions that were looked at, or that a kernel computed. */
  readonly #known = new Set<string>();

  constructor(recording: Recording, { layout, derived, emitter }: Means) {
    this.#recording = recording;
    this.#layout = layout;
    this.#derived = derived;
    this.#emitter = emitter;
  }

  plan(): RunPlan {
    for (const [call, step] of this.#recording.steps.entries()) {
      if (step.kind === 'action') this.#stretch().before.push(step.run);
      else if (step.kind === 'host') this.#addHostStep(step);
      else if (!this.#emitter || isReference(step.kernels)) {
        this.#addHostCall(performKernel(step, this.#layout));
      } else this.#addCall(step, call, this.#emitter);
    }
    const groups: Group[] = this.#keeping.map((launch) => [launch]);
    const items = this.#items.map((item) => {
      if (item.kind === 'host') return item;
      const from = groups.length;
      groups.push(...groupLaunches(this.#written.slice(item.from, item.to)));
      return { ...item, from, to: groups.length };
    });
    const own = groups.slice(this.#keeping.length);
    return {
      checks: this.#checks,
      // What JavaScript makes comes before the launches that keep something of it in turn.
      keepers: [...this.#derivers, ...this.#keepers],
      items,
      list: writeList(groups, (bytes) => this.#layout.keep(bytes)),
      scratchBytes: scratchBytesOf(groups),
      operations: groups.map(nameOf),
      launches: own.length,
      joined: own.filter(({ length }) => length > 1).map(nameOf),
    };
  }

  /** The stretch that the next launch belongs to. */
  #stretch(): OpenStretch {
    const last = this.#items.at(-1);
    if (last?.kind === 'launches') return last;
    const at = this.#written.length;
    const stretch: OpenStretch = { kind: 'launches', from: at, to: at, before: [] };
    this.#items.push(stretch);
    return stretch;
  }

  #addHostCall(perform: () => void): void {
    this.#items.push({ kind: 'host', perform });
  }

  #addHostStep(step: HostStep): void {
    const { operands } = step;
    const perform = performHost(step, this.#layout);
    const made = operands.find(({ slot }) => this.#derived.has(slot));
    const sources = made?.access === 'fill' ? this.#derived.sourcesOf([made.slot]) : null;
    if (sources) this.#derivers.push({ sources, renew: { kind: 'host', perform } });
    else if (isCheck(step)) this.#checks.push(perform);
    else this.#addHostCall(perform);
  }

  #addCall(step: KernelStep, call: number, emitter: Emitter): void {
    const check = this.#checkOf(step);
    if (check?.isEarly) this.#checks.push(check.perform);
    else if (check) this.#addHostCall(check.perform);
    for (const launch of this.#writeCall(step, call, emitter)) {
      const kept = launch.keeps?.flatMap((number) => step.operands[number]?.slot ?? []);
      // Null, too, if something of it changes in a run.
      const sources = kept ? this.#derived.sourcesOf(kept) : null;
      if (sources) {
        const from = this.#keeping.length;
        const renew: Stretch = { kind: 'launches', from, to: from + 1, before: [] };
        this.#keepers.push({ sources, renew });
        this.#keeping.push(launch);
      } else {
        this.#stretch().to++;
        this.#written.push(launch);
      }
    }
  }

  /** Writes a call's arguments onto the heap. @returns Its launches. */
  #writeCall(step: KernelStep, call: number, emitter: Emitter): Placed[] {
    const { kernel, options, operands, renew, operation } = step;
    const layout = this.#layout;
    const buffers = operands.map((operand) => operand && layout.bufferOf(operand));
    const keep = (bytes: number): number => layout.keep(bytes);
    const blocks = emitter.emit(kernel, buffers, options, keep);
    const ranges = this.#rangesOf(step);
    const isWhole = blocks.length === 1 && blocks[0].launches.length === 1;
    const elements = isWhole ? Math.max(...operands.map((operand) => operand?.length ?? 0)) : 0;
    return blocks.flatMap((block) => {
      const word = keep(block.words.length * 4) / 4;
      heap.words.set(block.words, word);
      for (const place of block.places) {
        const operand = operands[place.operand];
        if (!operand) continue;
        const offset = operand.offset + place.offset;
        layout.patch(operand.slot, { word: word + place.word, offset });
      }
      if (renew) {
        const n = operands[0]?.length ?? 0;
        const end = word + block.words.length;
        this.#stretch().before.push(() => {
          emitter.rewrite(kernel, heap.words.subarray(word, end), renew(), n);
        });
      }
      const placed = { blockWord: word, operation, call, ranges, elements };
      return block.launches.map((launch) => ({ ...launch, ...placed }));
    });
  }

  /** The bytes that a call reads and writes. */
  #rangesOf({ kernel, operands }: KernelStep): Range[] {
    const writes = writesOf(rowOf(kernel));
    return operands.flatMap((operand, i): Range[] => {
      if (!operand) return [];
      const { slot, offset } = operand;
      const place = this.#layout.sharedPlaceOf(slot);
      const from = (place ?? 0) + offset;
      const to = from + byteLengthOf(operand);
      const mayBeGiven = slot.kind === 'input' || slot.kind === 'outside';
      const memory = place === null ? slot : null;
      return [{ slot: memory, from, to, isWritten: writes[i], mayBeGiven }];
    });
  }

  /** A look at the positions of a call, unless somebody has looked at them, or made them, already. */
  #checkOf({ kernel, operands, options }: KernelStep): {
    readonly isEarly: boolean;
    readonly perform: () => void;
  } | null {
    const { slots } = this.#recording;
    const known = this.#known;
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
      perform: performCheck(kernel, operand, positions, this.#layout),
    };
  }
}

/* What is done in each run holds the layout, and nothing else of what it was planned with. */

function performHost({ operands, run }: HostStep, layout: Layout): () => void {
  return () => run(...operands.map((operand) => layout.elementsOf(operand)));
}

function performKernel(step: KernelStep, layout: Layout): () => void {
  const { kernels, kernel, operands, options, renew } = step;
  return () => {
    const run = Reflect.get(kernels, kernel) as (...args: never[]) => void;
    const buffers = operands.map((operand) => operand && layout.bufferOf(operand));
    Reflect.apply(run, undefined, [...buffers, renew ? renew() : options]);
  };
}

function performCheck(
  kernel: KernelName,
  operand: Operand,
  { count, limit }: Positions,
  layout: Layout,
): () => void {
  return () => {
    const index = layout.bufferOf(operand);
    if (index.isOf('int32')) checkPositions(kernel, index, heap, count, limit);
  };
}

/** Whether it only looks at what is there before a run. */
function isCheck({ operands }: HostStep): boolean {
  return operands.every(
    ({ slot, access }) => access === 'read' && slot.kind !== 'made' && slot.writers === 0,
  );
}
