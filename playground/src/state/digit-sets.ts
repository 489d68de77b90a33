import { signal } from '@preact/signals';
import type { DigitSet, DigitSets } from '../lab/protocol.js';
import { PIXELS } from '../spec/digits.js';

/** Where the loading of MNIST's digits stands. */
export type Loading =
  | { readonly state: 'idle' }
  | { readonly state: 'loading'; readonly bytes: number; readonly of: number }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'ready'; readonly sets: DigitSets };

export const digitSets = signal<Loading>({ state: 'idle' });

let loading: Promise<DigitSets> | null = null;

/** Loads the digits, once; after a failure, the next call tries again. */
export function loadDigitSets(): Promise<DigitSets> {
  loading ??= load().then(
    (sets) => {
      digitSets.value = { state: 'ready', sets };
      return sets;
    },
    (error: unknown) => {
      loading = null;
      digitSets.value = { state: 'failed', reason: String(error) };
      throw error;
    },
  );
  return loading;
}

/** What the four files have together, compressed: enough for a bar of progress. */
const EXPECTED_BYTES = 1_118_000;

async function load(): Promise<DigitSets> {
  let bytes = 0;
  digitSets.value = { state: 'loading', bytes, of: EXPECTED_BYTES };
  const fetchPart = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
    fetchBytes(`digits/${name}.bin`, (more) => {
      bytes += more;
      digitSets.value = { state: 'loading', bytes, of: Math.max(bytes, EXPECTED_BYTES) };
    });
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
    fetchPart('train-images'),
    fetchPart('train-labels'),
    fetchPart('test-images'),
    fetchPart('test-labels'),
  ]);
  return { train: setOf(trainImages, trainLabels), test: setOf(testImages, testLabels) };
}

async function fetchBytes(
  address: string,
  tell: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(address);
  if (!response.ok || !response.body) throw new Error(`${address}: HTTP ${response.status}`);
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        tell(chunk.length);
        controller.enqueue(chunk);
      },
    }),
  );
  const received = await bytesOf(counted);
  // A host may have told the browser to decompress it already.
  if (received[0] !== 0x1f || received[1] !== 0x8b) return received;
  return bytesOf(inPieces(received).pipeThrough(new DecompressionStream('gzip')));
}

/** What is decompressed without a pause: some 2 ms' work for a phone. */
const PIECE = 16_384;

/** The bytes piece by piece, each in a task of its own, as a stream decompresses all that it has at once. */
function inPieces(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve));
      controller.enqueue(bytes.subarray(at, at + PIECE));
      at += PIECE;
      if (at >= bytes.length) controller.close();
    },
  });
}

const bytesOf = async (
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await new Response(stream).arrayBuffer());

/** Reads the IDX files of one set. @throws Error for other files, such as a host's page of an error. */
function setOf(images: Uint8Array<ArrayBuffer>, labels: Uint8Array<ArrayBuffer>): DigitSet {
  const set = { images: idxItems(images, [28, 28]), labels: idxItems(labels, []) };
  if (set.images.length !== PIXELS * set.labels.length) {
    throw new Error(`expected as many labels as images, got ${set.labels.length}`);
  }
  return set;
}

/**
 * The items of an IDX file of bytes, http://yann.lecun.com/exdb/mnist, behind its header. (`parseIdx` of
 * `@unfold/io` would bring core to the page, which leaves that to its workers.)
 */
function idxItems(file: Uint8Array<ArrayBuffer>, item: readonly number[]): Uint8Array<ArrayBuffer> {
  const start = 8 + 4 * item.length;
  const view = new DataView(file.buffer);
  const isRight =
    file.length >= start &&
    view.getUint32(0) === 0x801 + item.length &&
    item.every((size, i) => view.getUint32(8 + 4 * i) === size) &&
    file.length - start === item.reduce((product, size) => product * size, view.getUint32(4));
  if (!isRight) throw new Error('expected a file of digits, got something else');
  return file.slice(start);
}
