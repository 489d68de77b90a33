/*
 * A process that gets a signal while it writes a file, for tests of what is left:
 * `write-program.ts FILE SIGNAL`.
 */
import { readdirSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { replaceFile } from '@unfold/io/internal';

const [file = '', signal = ''] = process.argv.slice(2);
const folder = dirname(file);
const isUnderWay = (name: string): boolean =>
  name.endsWith('.tmp') && statSync(join(folder, name)).size > 0;
const writing = replaceFile(file, new Uint8Array(2 ** 26));
while (!readdirSync(folder).some(isUnderWay)) await setImmediate();
writeSync(1, 'writing\n');
process.kill(process.pid, signal);
await writing;
writeSync(1, 'written\n');
