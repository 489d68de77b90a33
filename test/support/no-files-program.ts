/*
 * What io and train offer where there are no files: `node --conditions=browser` chooses a page's door.
 * Prints it as JSON.
 */
import { tensor } from '@unfold/core';
import { decoded, refusals } from '../browser/app/src/files.js';
import { TWO_PIXELS } from './no-files.js';

const said = await refusals();
// The engine starts as in Node; the decoders find nothing that only Node has.
tensor([1]).dispose();
const write = process.stdout.write.bind(process.stdout);
Object.assign(globalThis, { Buffer: undefined, process: undefined, setImmediate: undefined });
write(JSON.stringify({ said, read: decoded(TWO_PIXELS) }));
