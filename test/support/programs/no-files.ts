/*
 * What io and train offer where there are no files: `node --conditions=browser` chooses a page's door.
 * Prints it as JSON.
 */
import { tensor } from '@unfold/core';
import { loadTfjsLayersModel, tfjsDataLoader } from '@unfold/tfjs';
import { Dataset } from '@unfold/train';
import { decoded, refusals } from '../../browser/app/src/files.js';
import { TWO_PIXELS } from '../files/no-files.js';

const dataset = Dataset.fromArrays({ images: Float32Array.of(1), shape: [1, 1, 1], labels: [0] });
const messageOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => '', String);
const said = {
  ...(await refusals()),
  loadTfjsLayersModel: await messageOf(loadTfjsLayersModel('model.json')),
  tfjsDataLoader: await messageOf(tfjsDataLoader(dataset)),
};
// The engine starts as in Node; the decoders find nothing that only Node has.
tensor([1]).dispose();
const write = process.stdout.write.bind(process.stdout);
Object.assign(globalThis, { Buffer: undefined, process: undefined, setImmediate: undefined });
write(JSON.stringify({ said, read: decoded(TWO_PIXELS) }));
