import { Scope, UnfoldError } from '@unfold/core';
import fc from 'fast-check';
import { expect } from 'vitest';

/*
 * Damaged files by the thousand, made from whole ones: their numbers, texts and structures are changed
 * before checksums and lengths are put right, so that the change is met behind the first checks.
 */

/** Inputs for each loader: `UNFOLD_FUZZ=100000 npm run test:slow`. */
export const RUNS = count('UNFOLD_FUZZ', 2000);
/** Of the inputs: the same seed gives the same ones. */
const SEED = count('UNFOLD_FUZZ_SEED', 1);

/** Milliseconds for all inputs of one loader, on a machine that has much else to do. */
export const TIMEOUT = 120_000 + 60 * RUNS;
/** What one loader's inputs, which are small, may add to the process. */
const MAX_MEMORY = 2 ** 30;

function count(name: string, otherwise: number): number {
  const text = process.env[name] ?? String(otherwise);
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`${name} must be an integer from 1, got ${text}`);
  }
  return value;
}

/** What a loader made of its inputs. */
export interface Outcome {
  read: number;
  refused: number;
}

/** Gives an input to a loader, and counts what that makes of it. */
export type Give = (loader: string, load: () => unknown) => Promise<void>;

/**
 * Makes `RUNS` inputs, each of which has to be read or refused by a typed error.
 * @param load Gives an input to one loader or several, to each by itself: one that refuses it would
 * keep it from those behind. A loader throws what it throws; what it returns is checked.
 * @returns What each loader made of its inputs.
 */
export async function fuzz<Input>(
  inputs: fc.Arbitrary<Input>,
  load: (input: Input, give: Give) => Promise<void>,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const give: Give = async (loader, run) => {
    const outcome = outcomes.get(loader) ?? { read: 0, refused: 0 };
    outcomes.set(loader, outcome);
    using _scope = new Scope();
    try {
      await run();
      outcome.read++;
    } catch (error) {
      if (!(error instanceof UnfoldError)) throw error;
      outcome.refused++;
    }
  };
  const before = process.resourceUsage().maxRSS;
  await fc.assert(
    fc.asyncProperty(inputs, (input) => load(input, give)),
    { numRuns: RUNS, seed: SEED },
  );
  const grown = 1024 * (process.resourceUsage().maxRSS - before);
  expect(grown, 'bytes that the process grew by').toBeLessThan(MAX_MEMORY);
  return outcomes;
}

/** Numbers at which formats break. */
export const oddNumber = fc.constantFrom(
  ...[0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 1000, 0x7fff, 0x8000, 0xffff, 0x10000, 2 ** 24],
  ...[0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff],
);

/** A change of bytes, wherever they come from. */
export type Damage = (bytes: Uint8Array) => Uint8Array;

/** A change of some bytes at a place anywhere. */
const oneDamage: fc.Arbitrary<Damage> = fc
  .record({
    kind: fc.constantFrom('set', 'flip', 'cut', 'insert', 'repeat', 'u16', 'u32', 'u32le', 'end'),
    at: fc.nat(2 ** 30),
    length: fc.integer({ min: 1, max: 40 }),
    number: oddNumber,
    piece: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ kind, at: anywhere, length, number, piece }) => (bytes) => {
    const at = bytes.length === 0 ? 0 : anywhere % bytes.length;
    const out = Buffer.from(bytes);
    const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
    switch (kind) {
      case 'set':
        if (out.length > 0) out[at] = number & 255;
        break;
      case 'flip':
        if (out.length > 0) out[at] = Number(out[at]) ^ (1 << (number & 7));
        break;
      case 'u16':
        if (at + 2 <= out.length) out.writeUInt16LE(number & 0xffff, at);
        break;
      case 'u32':
        if (at + 4 <= out.length) out.writeUInt32BE(number, at);
        break;
      case 'u32le':
        if (at + 4 <= out.length) out.writeUInt32LE(number, at);
        break;
      case 'cut':
        return joined(out.subarray(0, at), out.subarray(at + length));
      case 'insert':
        return joined(out.subarray(0, at), piece, out.subarray(at));
      case 'repeat':
        return joined(out.subarray(0, at + length), out.subarray(at));
      case 'end':
        return new Uint8Array(out.subarray(0, at));
    }
    return new Uint8Array(out);
  });

/** Up to three changes, mostly none. */
export const damage: fc.Arbitrary<Damage> = fc
  .oneof(
    { arbitrary: fc.constant<Damage[]>([]), weight: 3 },
    { arbitrary: fc.array(oneDamage, { minLength: 1, maxLength: 3 }), weight: 1 },
  )
  .map((all) => (bytes) => all.reduce((changed, change) => change(changed), bytes));

/** `usual`, or now and then something else. */
export function seldom<T>(
  usual: fc.Arbitrary<T>,
  odd: fc.Arbitrary<T>,
  weight = 12,
): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: usual, weight }, { arbitrary: odd, weight: 1 });
}

/** What JSON holds. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Values that stand in JSON where others belong. */
export const oddJson: fc.Arbitrary<Json> = fc.oneof(
  oddNumber,
  fc.constantFrom<Json>(
    ...[null, true, false, '', '__proto__', 'a/b', -1, 0.5, 1e300, 2 ** 53, [], {}, [[]], [null]],
    ...['linear', 'same', 'channels_first', 'F32', 'U8', 'float16', 'Flatten', 'Reshape', 'Dense'],
    ...['ZeroPadding2D', 'Conv2DTranspose', 'MaxPooling2D', 'softmax', 'gelu', 'Sequential'],
  ),
  fc.array(fc.integer({ min: -1, max: 12 }), { maxLength: 5 }),
  fc.string({ maxLength: 5 }),
);

/** A change of JSON, which it leaves as it is and returns anew. */
export type JsonChange = (json: Json) => Json;

const oneJsonChange: fc.Arbitrary<JsonChange> = fc
  .record({
    kind: fc.constantFrom('replace', 'number', 'remove', 'repeat', 'swap', 'rename'),
    at: fc.nat(2 ** 30),
    from: fc.nat(2 ** 30),
    value: oddJson,
    key: fc.constantFrom('name', 'shape', 'dtype', 'config', 'units', 'padding', '__proto__', 'a'),
  })
  .map(({ kind, at, from, value, key }) => (json) => {
    const root = structuredClone([json]);
    const places = placesOf(root);
    const place = places[at % places.length];
    const other = places[from % places.length];
    if (!place || !other) return json;
    const { holder, name } = place;
    const old = valueAt(place);
    if (kind === 'replace') put(holder, name, structuredClone(value));
    else if (kind === 'number') put(holder, name, typeof old === 'number' ? old + 1 : value);
    else if (kind === 'swap') put(holder, name, structuredClone(valueAt(other)));
    else if (Array.isArray(holder) && holder !== root) {
      if (kind === 'remove') holder.splice(Number(name), 1);
      else holder.splice(Number(name), 0, structuredClone(old));
    } else if (!Array.isArray(holder)) {
      delete holder[name];
      if (kind === 'rename') put(holder, key, old);
    }
    return root[0] ?? null;
  });

/** One to three changes of JSON, or none. */
export const jsonChange: fc.Arbitrary<JsonChange> = seldom(
  fc.array(oneJsonChange, { minLength: 1, maxLength: 3 }),
  fc.constant<JsonChange[]>([]),
).map((all) => (json) => all.reduce((changed, change) => change(changed), json));

type Holder = Json[] | { [key: string]: Json };

interface Place {
  readonly holder: Holder;
  readonly name: string;
}

/** Every value inside `root`, by what holds it. */
function placesOf(root: Holder): Place[] {
  const places: Place[] = [];
  const open: Holder[] = [root];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    for (const [name, value] of Object.entries(holder)) {
      places.push({ holder, name });
      if (typeof value === 'object' && value !== null) open.push(value);
    }
  }
  return places;
}

function valueAt({ holder, name }: Place): Json {
  return Object.entries(holder).find(([key]) => key === name)?.[1] ?? null;
}

/** As an own property, whatever its name. */
function put(holder: Holder, name: string, value: Json): void {
  Object.defineProperty(holder, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}
