import { EngineError } from '../../errors.js';
import type { Heap } from '../../memory/heap.js';
import type { BufferSource, Dependant, DeviceBuffer } from '../buffer.js';
import type { Conv2dGeometry } from '../contract.js';

/** Larger ones are made anew each time: they would double what a model takes. */
const LARGEST_BYTES = 2 ** 26;
/** Calls with the same weight that are told apart: a whole batch and its rest, in two layers. */
const CALLS = 4;

/** A convolution that can be run again with another x and out: a block of the heap. */
export interface Plan {
  /** The number of its job. */
  readonly number: number;
  /** Where the block of arguments lies, and behind it tables and packed weights. */
  readonly address: number;
  readonly bytes: number;
  readonly parts: number;
  readonly scratchBytes: number;
}

/** A call that came before with the same weight, bias and geometry, unchanged. */
export class Call {
  readonly geometry: Conv2dGeometry;
  /** Where the weight lies: a buffer may be a piece of its tensor's. */
  readonly weight: number;
  readonly bias: BufferSource | null;
  /** 0 without a bias. */
  readonly biasAddress: number;
  readonly biasWrites: number;
  plan: Plan | null = null;
  /** Whether there is no room for its plan. */
  isRefused = false;

  constructor(weight: DeviceBuffer, bias: DeviceBuffer | null, geometry: Conv2dGeometry) {
    this.geometry = geometry;
    this.weight = weight.address;
    this.bias = bias === null ? null : bias.source;
    this.biasAddress = bias === null ? 0 : bias.address;
    this.biasWrites = this.bias === null ? 0 : this.bias.writes;
  }

  /** Whether a call is this one but for what the bias holds. */
  isAlike(weight: DeviceBuffer, bias: DeviceBuffer | null, geometry: Conv2dGeometry): boolean {
    return (
      this.geometry === geometry &&
      this.weight === weight.address &&
      this.biasAddress === (bias === null ? 0 : bias.address) &&
      this.bias === (bias === null ? null : bias.source)
    );
  }

  /** Whether the bias holds what it held. */
  get isFresh(): boolean {
    return this.bias === null || this.bias.writes === this.biasWrites;
  }
}

/** The plans that are kept of one weight, for as long as nobody writes into it. */
class WeightPlans implements Dependant {
  readonly owner: Plans;
  readonly calls: Call[] = [];
  readonly #source: BufferSource;
  #next = 0;

  constructor(owner: Plans, source: BufferSource) {
    this.owner = owner;
    this.#source = source;
  }

  find(weight: DeviceBuffer, bias: DeviceBuffer | null, geometry: Conv2dGeometry): number {
    const { calls } = this;
    for (let i = 0; i < calls.length; i++) {
      if (calls[i].isAlike(weight, bias, geometry)) return i;
    }
    return -1;
  }

  /** Remembers a call at a place, or instead of the one that was remembered first. */
  put(call: Call, found: number): void {
    const at = found < 0 ? this.#next : found;
    if (found < 0) this.#next = (at + 1) % CALLS;
    const before = this.calls[at];
    if (before) this.owner.free(before);
    this.calls[at] = call;
  }

  drop(): void {
    this.#source.dependant = null;
    this.owner.forget(this);
    for (const call of this.calls) this.owner.free(call);
  }
}

/**
 * The convolutions whose weights stay as they are, with what follows from geometry and weights: how
 * the work is cut, tables, the weights as the kernel wants them. It is made when the same call comes
 * for the second time, so that training, which changes the weights after each, makes none.
 *
 * What is kept hangs on the weight's storage and is freed with it, or as soon as somebody may write
 * into it: a kernel, `update`, who asks for its elements. Of a weight that a view was handed out of,
 * nothing is kept from then on. When the heap is full, all is given back.
 */
export class Plans {
  readonly #heap: Heap;
  readonly #weights = new Set<WeightPlans>();
  /** The one that runs now, which stays when the heap is full. */
  running: Plan | null = null;

  constructor(heap: Heap) {
    this.#heap = heap;
    heap.onShortage(() => {
      for (const { calls } of this.#weights) {
        for (const call of calls) {
          if (call.plan === this.running) continue;
          this.free(call);
          call.isRefused = true;
        }
      }
    });
  }

  /** The call, if it came before, and may be kept; else null, and the next one finds this one. */
  recall(weight: DeviceBuffer, bias: DeviceBuffer | null, geometry: Conv2dGeometry): Call | null {
    const { source } = weight;
    if (source === null || source.isViewed) return null;
    if (bias !== null && (bias.source === null || bias.source.isViewed)) return null;
    const { dependant } = source;
    const isOurs = dependant instanceof WeightPlans && dependant.owner === this;
    const plans = isOurs ? dependant : this.#begin(source);
    const at = plans.find(weight, bias, geometry);
    const call: Call | undefined = plans.calls[at];
    if (call?.isFresh) return call.isRefused ? null : call;
    // Whoever may still change it would be taken for another.
    if (Object.isFrozen(geometry) && Object.isFrozen(geometry.window)) {
      plans.put(new Call(weight, bias, geometry), at);
    }
    return null;
  }

  #begin(source: BufferSource): WeightPlans {
    source.dependant?.drop();
    const plans = new WeightPlans(this, source);
    source.dependant = plans;
    this.#weights.add(plans);
    return plans;
  }

  /** Memory for a plan, or null if it is too large or the heap is full. */
  allocate(bytes: number): number | null {
    if (bytes > LARGEST_BYTES) return null;
    try {
      return this.#heap.allocate(bytes);
    } catch (error) {
      if (error instanceof EngineError) return null;
      throw error;
    }
  }

  /** Frees a call's plan. */
  free(call: Call): void {
    if (call.plan === null) return;
    this.#heap.free(call.plan.address, call.plan.bytes);
    call.plan = null;
  }

  forget(plans: WeightPlans): void {
    this.#weights.delete(plans);
  }

  /** Frees everything. */
  drop(): void {
    for (const plans of this.#weights) plans.drop();
  }
}
