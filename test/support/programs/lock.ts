/*
 * A process that takes locks, for tests of what others see of it: `lock-program.ts FILE HOW`. It says
 * `ready` when it has started, and waits for a line; then `held`, or why not.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { lockFile } from '@unfold/io';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const [file = '', how = 'hold', turns = '0'] = process.argv.slice(2);
const input = createInterface({ input: process.stdin });
say('ready');
for await (const line of input) {
  void line;
  break;
}

/** A zombie is not. */
function isAlive(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Takes the lock again and again, and sees that nobody else works meanwhile. */
async function takeTurns(count: number): Promise<void> {
  const place = `${file}.work`;
  for (let turn = 0; turn < count;) {
    const lock = await lockFile(file).catch(() => null);
    if (!lock) {
      await sleep(1);
      continue;
    }
    try {
      writeFileSync(place, String(process.pid), { flag: 'wx' });
    } catch {
      // One that was killed left it; one that lives must not be there.
      const other = readFileSync(place, 'utf8');
      if (isAlive(other)) say(`met ${other}`);
      writeFileSync(place, String(process.pid));
    }
    await sleep(1);
    rmSync(place, { force: true });
    await lock.release();
    turn++;
  }
}

if (how === 'turns') {
  await takeTurns(Number(turns));
  say('done');
  process.exit(0);
}
try {
  await lockFile(file);
  say('held');
} catch (error) {
  say(String(error));
  process.exit(1);
}
if (how === 'end') process.stdin.destroy();
if (how === 'exit') process.exit(0);
if (how === 'throw') throw new Error('on purpose');
if (how === 'listen') process.once('SIGINT', () => say('heard'));
if (how === 'hold' || how === 'listen') setInterval(() => {}, 1000);
