import { ConfigError } from './errors.js';
import { heap } from './engine/engine.js';
import { probe } from './engine/probe.js';
import { tracer } from './graph/tracer.js';
import { DeviceBuffer } from './kernels/buffer.js';
import { log } from './math.js';
import { Storage } from './memory/storage.js';
import { type OptionRule, valueText } from './options.js';
import { nextWord } from './xoshiro.js';

/** What a program is told of a draw that is none of dropout's. */
const DRAWS = 'draws random numbers';

/** What a tracer is told of a draw. */
export const RANDOMNESS =
  'random numbers, which a graph draws for dropout only; give them to the function as a tensor';

/** Everything a `Generator` needs to go on where it stood; plain JSON. */
export interface GeneratorState {
  /** The generator's four words of 32 bits. */
  readonly words: readonly [number, number, number, number];
  /** The second of a pair of normal numbers, if it was not handed out yet. */
  readonly spareNormal: number | null;
}

/**
 * A seedable source of random numbers: xoshiro128** (xoshiro.ts). Generators of the
 * same seed and different `stream` names are independent, so that drawing more numbers for one
 * purpose never changes another. All arithmetic is on integers or exactly rounded, so a seed gives
 * the same numbers on every machine.
 */
export class Generator {
  readonly #own = new Int32Array(4);
  /** The words' place on the heap, once a kernel draws. */
  #shared: Storage | null = null;
  #spareNormal: number | null = null;

  /**
   * @param seed An integer from 0 to 2⁵³ - 1.
   * @throws ConfigError for any other seed.
   */
  constructor(seed: number, stream = '') {
    checkSeed(seed);
    const next = mixer(seed, stream);
    for (let i = 0; i < 4; i++) this.#own[i] = next();
    // All zeros is the one state that xoshiro never leaves.
    this.#own[3] |= 1;
  }

  /** 32 random bits, as an unsigned integer. */
  uint32(): number {
    if (tracer) tracer.refuses('uint32', RANDOMNESS);
    probe?.refuses?.(DRAWS);
    if (this.#shared) return nextWord(heap.words, this.#shared.address / 4);
    return nextWord(this.#own, 0);
  }

  /**
   * @internal Its four words, as a kernel takes them that draws. They lie on the heap from then on, and
   * are never freed: it is meant for global streams, which nobody gives up.
   */
  get buffer(): DeviceBuffer<'int32'> {
    if (!this.#shared) {
      this.#shared = new Storage(this.#own.byteLength, 'Generator', false);
      this.#words.set(this.#own);
    }
    return new DeviceBuffer('int32', this.#shared.address, 4, this.#shared);
  }

  get #words(): Int32Array {
    if (!this.#shared) return this.#own;
    const at = this.#shared.address / 4;
    return heap.words.subarray(at, at + 4);
  }

  /** Uniform in [0, 1), a multiple of 2⁻⁵³. */
  uniform(): number {
    if (tracer) tracer.refuses('uniform', RANDOMNESS);
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Standard normal, by Marsaglia's polar method. */
  normal(): number {
    if (tracer) tracer.refuses('normal', RANDOMNESS);
    probe?.refuses?.(DRAWS);
    if (this.#spareNormal !== null) {
      const spare = this.#spareNormal;
      this.#spareNormal = null;
      return spare;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) {
        const factor = Math.sqrt((-2 * log(s)) / s);
        this.#spareNormal = v * factor;
        return u * factor;
      }
    }
  }

  /** A uniform integer from 0 to n - 1, without bias. @throws ConfigError unless 1 ≤ n ≤ 2³². */
  integer(n: number): number {
    if (tracer) tracer.refuses('integer', RANDOMNESS);
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new ConfigError(`integer: expected n from 1 to 2^32, got ${n}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const bits = this.uint32();
      if (bits < limit) return bits % n;
    }
  }

  /**
   * The numbers 0 … n-1 in random order (Fisher and Yates).
   * @throws ConfigError unless n is an integer of at least 0.
   */
  permutation(n: number): Int32Array<ArrayBuffer> {
    if (!Number.isInteger(n) || n < 0) {
      throw new ConfigError(`permutation: expected an integer of at least 0, got ${n}`);
    }
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  /** Where it stands now, for `setState`. */
  state(): GeneratorState {
    const [a, b, c, d] = new Uint32Array(this.#words);
    return { words: [a, b, c, d], spareNormal: this.#spareNormal };
  }

  /** Goes on from a state that `state()` gave. @throws ConfigError if it holds anything else. */
  setState(state: GeneratorState): void {
    const { words, spareNormal = NaN } = fieldsOf(state);
    const valid =
      Array.isArray(words) &&
      words.length === 4 &&
      words.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32) &&
      words.some((word) => word !== 0) &&
      (spareNormal === null || Number.isFinite(spareNormal));
    if (!valid) {
      throw new ConfigError(
        'setState: expected { words, spareNormal } as state() gives it: four words of 32 bits ' +
          'that are not all 0, and a number or null',
      );
    }
    this.#words.set(words);
    this.#spareNormal = spareNormal;
  }
}

/** The words of a generator, for a kernel that draws by it. */
export function stateOf(generator: Generator): DeviceBuffer<'int32'> {
  return generator.buffer;
}

export const generatorRule: OptionRule = {
  expected: "a generator, such as generator('init')",
  accepts: (value) => value instanceof Generator,
};

/** What is no object, as a state from a file may be, has no fields. */
function fieldsOf<State extends object>(value: State): Partial<State> {
  return typeof value === 'object' && value !== null ? value : {};
}

function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ConfigError(`seed: expected an integer from 0 to 2^53 - 1, got ${seed}`);
  }
}

/** Words for a generator's first state: a hash of seed and stream, stirred by splitmix32. */
function mixer(seed: number, stream: string): () => number {
  let h = 0x9e3779b9;
  const absorb = (word: number): void => {
    h = Math.imul(h ^ word, 0x85ebca6b);
    h ^= h >>> 13;
  };
  absorb(seed >>> 0);
  absorb(Math.floor(seed / 2 ** 32));
  for (let i = 0; i < stream.length; i++) absorb(stream.charCodeAt(i));
  return () => {
    h = (h + 0x9e3779b9) | 0;
    let z = h;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
}

let globalSeed = 0;
const globalStreams = new Map<string, Generator>();

/**
 * Seeds every global stream anew, as `torch.manual_seed`, also for those who hold its generator.
 * Without a call the seed is 0, so that a program gives the same result each time it runs.
 * @throws ConfigError unless the seed is an integer from 0 to 2⁵³ - 1.
 */
export function manualSeed(seed: number): void {
  checkSeed(seed);
  if (tracer)
    tracer.refuses('manualSeed', 'a seed, which a graph holds as little as random numbers');
  probe?.refuses?.('seeds the random streams');
  for (const [stream, held] of globalStreams) held.setState(new Generator(seed, stream).state());
  globalSeed = seed;
}

/**
 * The global generator of a purpose: `'init'` for weights, `'random'` for `rand` and `randn`,
 * `'shuffle'` for loaders, `'dropout'` for dropout, or a name of your own.
 */
export function generator(stream: string): Generator {
  if (typeof stream !== 'string') {
    throw new ConfigError(`generator: expected the name of a stream, got ${valueText(stream)}`);
  }
  let found = globalStreams.get(stream);
  if (!found) {
    found = new Generator(globalSeed, stream);
    globalStreams.set(stream, found);
  }
  return found;
}

/** Where all global randomness stands; plain JSON. */
export interface RngState {
  /** The seed that `manualSeed` was last given. */
  readonly seed: number;
  /** The streams that were asked for since, by name. */
  readonly streams: Readonly<Record<string, GeneratorState>>;
}

/** Where every global stream stands, as `torch.get_rng_state`: for `setRngState`. */
export function rngState(): RngState {
  const streams = [...globalStreams].map(([name, held]) => [name, held.state()] as const);
  return { seed: globalSeed, streams: Object.fromEntries(streams) };
}

/**
 * Lets every global stream go on where it stood when `rngState` was called, also for those who hold
 * its generator; one that had not been asked for then begins anew. As `torch.set_rng_state`. All is
 * checked before anything is changed.
 * @throws ConfigError if it holds anything else than a state.
 */
export function setRngState(state: RngState): void {
  const { seed, streams } = fieldsOf(state);
  if (seed === undefined || typeof streams !== 'object' || streams === null) {
    throw new ConfigError('setRngState: expected { seed, streams } as rngState() gives it');
  }
  checkSeed(seed);
  const states = Object.entries(streams).map(([name, state]) => {
    const checked = new Generator(seed, name);
    checked.setState(state);
    return [name, checked.state()] as const;
  });
  manualSeed(seed);
  for (const [name, state] of states) generator(name).setState(state);
}
