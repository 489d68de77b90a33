import { SPEC_TEXTS } from '../texts/spec.js';
import { type Digit, PIXELS } from './digits.js';
import type { Experiment } from './experiment.js';
import { fieldsOf, isLayerKind, kindOf } from './kinds.js';
import type { LayerSpec } from './layers.js';
import { ExperimentError, readExperiment } from './read-experiment.js';

/** What a run came to: it is the same on every machine, as linked runs are strict. */
export interface LinkedResult {
  /** Steps that were done. */
  readonly steps: number;
  /** Of the weights and buffers after them, eight hexadecimal digits. */
  readonly fingerprint: string;
}

/** What a link holds. */
export interface LinkContent {
  /** Its run is strict, whatever the experiment was that the link was made of. */
  readonly experiment: Experiment;
  readonly digit: Digit | null;
  readonly result: LinkedResult | null;
}

/** Says why a link can't be opened; its message is for people. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
}

/*
 * A link's text is the version, the content in base64url, and an end mark: what is cut off shows, and the last
 * character is none that a chat would take for punctuation of the sentence around it. The content is
 * compressed by zlib, which brings a checksum. It is a line of JSON, and behind it the digit's 784 bytes, if
 * there is a digit. The JSON is a list without keys, and so is each layer: its kind, then its fields in the order of
 * kinds.ts.
 */
const VERSION = '1';
const END = 'e';
/** A network of all the layers there may be, with noise for a digit, stays below. */
const MOST_CHARACTERS = 4096;
const MOST_BYTES = 16_384;
/** More than anyone waits for. */
const MOST_STEPS = 1_000_000;

const { link: texts } = SPEC_TEXTS;

/** The text of a link; a few hundred characters, of letters, digits, `-` and `_`. */
export async function encodeLink({ experiment, digit, result }: LinkContent): Promise<string> {
  const { network, optimizer, batchSize, augmentation, seed } = experiment;
  const content = [
    network.map((layer) => [layer.kind, ...fieldsOf(layer).map(({ value }) => Number(value))]),
    optimizer,
    batchSize,
    augmentation,
    seed,
    digit?.label ?? null,
    result ? [result.steps, result.fingerprint] : null,
  ];
  const line = new TextEncoder().encode(`${JSON.stringify(content)}\n`);
  const bytes = new Uint8Array([...line, ...(digit?.pixels ?? [])]);
  const compressed = await through(bytes, new CompressionStream('deflate'), Infinity);
  return `${VERSION}${toBase64url(compressed)}${END}`;
}

/**
 * What a link's text holds. White space that mail programs put into it, and punctuation behind it, do no harm.
 * @throws LinkError if it is cut off, damaged, too long, of a newer version, or holds what the page can't run.
 */
export async function decodeLink(text: string): Promise<LinkContent> {
  if (text.length > MOST_CHARACTERS) throw new LinkError(texts.tooLong(MOST_CHARACTERS));
  const clean = text.replace(/[\s\u00ad\u200b\u2060]/gu, '').replace(/[^\w-]+$/u, '');
  if (clean === '') throw new LinkError(texts.empty);
  if (!clean.startsWith(VERSION)) throw new LinkError(texts.otherVersion);
  if (!clean.endsWith(END)) throw new LinkError(texts.cutOff);
  const bytes = await inflated(clean.slice(VERSION.length, -END.length));
  const end = bytes.indexOf(10);
  const behind = bytes.length - (end + 1);
  if (end < 0 || (behind !== 0 && behind !== PIXELS)) throw new LinkError(texts.damaged);
  const pixels = behind === 0 ? null : bytes.slice(end + 1);
  return contentOf(parsed(new TextDecoder().decode(bytes.subarray(0, end))), pixels);
}

async function inflated(body: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await through(fromBase64url(body), new DecompressionStream('deflate'), MOST_BYTES);
  } catch (error) {
    throw error instanceof LinkError ? error : new LinkError(texts.damaged, { cause: error });
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new LinkError(texts.damaged, { cause: error });
  }
}

function contentOf(value: unknown, pixels: Uint8Array<ArrayBuffer> | null): LinkContent {
  if (!Array.isArray(value) || value.length !== 7) throw new LinkError(texts.damaged);
  const [layers, optimizer, batchSize, augmentation, seed, label, result]: unknown[] = value;
  const network = Array.isArray(layers) ? layers.map(layerOf) : layers;
  return {
    experiment: runnable({ network, optimizer, batchSize, augmentation, seed, strict: true }),
    digit: pixels && { pixels, label: labelOf(label) },
    result: resultOf(result),
  };
}

/** A layer's list as an object of what may be its fields; `readExperiment` checks what is in it. */
function layerOf(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  const [kind, ...values]: unknown[] = list;
  if (typeof kind !== 'string' || !isLayerKind(kind)) return { kind };
  const initial: LayerSpec = kindOf(kind).initial;
  const fields = fieldsOf(initial);
  if (values.length !== fields.length) throw new LinkError(texts.damaged);
  const named = fields.map(({ name, field }, at) => {
    const value = values[at];
    const isFlag = field === 'flag' && (value === 0 || value === 1);
    return [name, isFlag ? value === 1 : value] as const;
  });
  return { kind, ...Object.fromEntries(named) };
}

function runnable(value: unknown): Experiment {
  try {
    return readExperiment(value);
  } catch (error) {
    if (!(error instanceof ExperimentError)) throw error;
    throw new LinkError(texts.cannotRun(error.message), { cause: error });
  }
}

function labelOf(value: unknown): number | null {
  if (value === null) return null;
  if (isWhole(value, 9)) return value;
  throw new LinkError(texts.damaged);
}

function resultOf(value: unknown): LinkedResult | null {
  if (value === null) return null;
  const [steps, fingerprint]: unknown[] = Array.isArray(value) ? value : [];
  if (!isWhole(steps, MOST_STEPS)) throw new LinkError(texts.damaged);
  if (typeof fingerprint !== 'string' || !/^[\da-f]{8}$/u.test(fingerprint)) {
    throw new LinkError(texts.damaged);
  }
  return { steps, fingerprint };
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

/** What a stream makes of some bytes. @throws LinkError if that is more than `most` bytes. */
async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.length;
    if (length > most) {
      // Whether it ends well is of no interest.
      reader.cancel().catch(() => {});
      throw new LinkError(texts.tooLarge);
    }
    chunks.push(part.value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function toBase64url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @throws DOMException for what isn't base64url. */
function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
