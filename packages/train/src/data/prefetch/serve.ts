import { augmentationOf } from '../../augment/description.js';
import { ImageRandom } from '../../augment/image-random.js';
import { augmentedWriter, imageWriter } from '../image-writers.js';
import type { Answer, Order, Setup } from './messages.js';

/** Sends an answer, and with it the memory of arrays. */
export type SendAnswer = (answer: Answer, transfer: ArrayBuffer[]) => void;

/** Writes the images of an order where it says. */
type WriteOrder = (order: Order) => void;

/**
 * The worker's part, in Node and in browsers: makes batches until it is ended.
 * @returns A function to be given each message: the set-up, and orders once that was answered.
 */
export function serveOrders(send: SendAnswer): (message: Setup | Order) => void {
  let write: WriteOrder | undefined;
  const fail = (error: unknown): void => send({ kind: 'failed', reason: String(error) }, []);
  return (message) => {
    if ('shape' in message) {
      prepare(message).then((made) => {
        write = made;
        send({ kind: 'ready' }, []);
      }, fail);
      return;
    }
    const { id, out } = message;
    try {
      write?.(message);
      send({ kind: 'images', id, out }, [out.buffer]);
    } catch (error) {
      fail(error);
    }
  };
}

async function prepare(setup: Setup): Promise<WriteOrder> {
  const { shape, normalization, augment } = setup;
  const pixels = shape[0] * shape[1] * shape[2];
  const write = imageWriter(setup, normalization);
  const writeAugmented = augment
    ? augmentedWriter(setup, normalization, await augmentationOf(augment))
    : null;
  return ({ rows, indices, random, out }) => {
    const images = random && new ImageRandom(random);
    for (let b = 0; b < rows.length; b++) {
      if (images && writeAugmented) {
        writeAugmented(out, b * pixels, rows[b], images.of(indices[b]));
      } else write(out, b * pixels, rows[b]);
    }
  };
}
