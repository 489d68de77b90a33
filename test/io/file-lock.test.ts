import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@unfold/core';
import { FileLock, lockFile } from '@unfold/io';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundled } from '../support/runs/bundled.js';
import { start, type Running } from '../support/runs/cli.js';
import { failure } from '../support/failure.js';

const PROGRAM = await bundled('test/support/programs/lock.ts');

let root = '';
let folder = '';
let folders = 0;
let file = '';
const running: Running[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-lock-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, String(folders++));
  await mkdir(folder);
  file = join(folder, 'run');
});
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ outcome }) => outcome));
});

/** A process that is about to take the lock. */
async function ready(how: string, turns = 0): Promise<Running> {
  const starter = start(process.execPath, [PROGRAM, file, how, String(turns)]);
  running.push(starter);
  await starter.seen(/^ready$/m);
  return starter;
}

function go({ child }: Running): void {
  child.stdin?.write('go\n');
}

/** A process that took the lock. */
async function holding(how: string): Promise<Running> {
  const started = await ready(how);
  go(started);
  await started.seen(/^held$/m);
  return started;
}

/** A lock as a process leaves it that is killed, but for what is changed. */
async function leave(changes: Record<string, unknown> = {}, path = `${file}.lock`): Promise<void> {
  const lock = await lockFile(join(folder, 'other'));
  const holder = JSON.parse(await readFile(lock.path, 'utf8')) as Record<string, unknown>;
  await lock.release();
  await writeFile(path, `${JSON.stringify({ ...holder, ...changes })}\n`);
}

/** How the temporary files of this machine's processes end: with a word for where their numbers hold. */
async function temporaryEnding(): Promise<string> {
  const lock = await lockFile(join(folder, 'other'));
  const { host, space } = JSON.parse(await readFile(lock.path, 'utf8')) as Record<string, string>;
  await lock.release();
  return `${createHash('sha256').update(`${host} ${space}`).digest('hex').slice(0, 16)}.tmp`;
}

/** The number of a process that has ended. */
async function pidOfGone(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0']);
  await new Promise((resolve) => child.on('exit', resolve));
  return Number(child.pid);
}

const filesLeft = (): Promise<string[]> => readdir(folder);
const FORCE = 'take it over by --force-lock, in a program by lockFile(file, { force: true })';

describe('a lock', () => {
  it('is a file beside the other, until it is released', async () => {
    const lock = await lockFile(file);
    expect(await filesLeft()).toEqual(['run.lock']);
    expect(lock).toBeInstanceOf(FileLock);
    expect([lock.file, lock.path]).toEqual([file, `${file}.lock`]);
    expect(JSON.parse(await readFile(lock.path, 'utf8'))).toMatchObject({
      pid: process.pid,
      host: hostname(),
    });
    await lock.check();
    await lock.release();
    await lock.release();
    expect(await filesLeft()).toEqual([]);
    await expect(lock.check()).rejects.toThrow(
      new ConfigError(`${file}: its lock was released; take another`),
    );
    await (await lockFile(file)).release();
  });

  it('is one for all names of a file', async () => {
    await writeFile(file, '');
    await symlink(file, join(folder, 'link'));
    const lock = await lockFile(join(folder, 'link'));
    expect(lock.path).toBe(`${file}.lock`);
    await expect(lockFile(file)).rejects.toThrow(ConfigError);
    await lock.release();
  });

  it('is had once in a process, also with force', async () => {
    const [first, ...others] = await Promise.allSettled([
      lockFile(file),
      lockFile(file),
      lockFile(file, { force: true }),
    ]);
    const all = [first, ...others];
    const got = all.flatMap((result) => (result?.status === 'fulfilled' ? [result.value] : []));
    expect(got).toHaveLength(1);
    for (const result of all) {
      if (result?.status !== 'rejected') continue;
      expect(result.reason).toEqual(
        new ConfigError(
          `${file} is used by another run of this process; wait for its end, or name another file`,
        ),
      );
    }
    await got[0]?.release();
  });

  it('that is released while another is taken leaves no listener behind', async () => {
    const events = ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'];
    const listeners = (): number[] => events.map((name) => process.listenerCount(name));
    const before = listeners();
    const first = await lockFile(file);
    expect(listeners()).toEqual(before.map((count) => count + 1));
    const taken = lockFile(`${file}2`);
    // Its file is there a moment before it is known to be held.
    while (!existsSync(`${file}2.lock`)) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([taken, first.release()]);
    expect(listeners()).toEqual(before.map((count) => count + 1));
    await (await taken).release();
    expect(listeners()).toEqual(before);
  });

  it('that is checked and released at once is checked first, and released', async () => {
    const lock = await lockFile(file);
    await rm(lock.path);
    const [first, second, released, late] = await Promise.allSettled([
      lock.check(),
      lock.check(),
      lock.release(),
      lock.check(),
    ]);
    expect([first.status, second.status, released.status]).toEqual(Array(3).fill('fulfilled'));
    expect(late).toMatchObject({
      reason: { message: `${file}: its lock was released; take another` },
    });
    expect(await filesLeft()).toEqual([]);
    await (await lockFile(file)).release();
  });

  it('whose folder was deleted says so, when it is checked; releasing it is no error', async () => {
    const lock = await lockFile(file);
    await rm(folder, { recursive: true });
    const error = await failure(() => lock.check());
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/^cannot write \S+run\.lock: ENOENT: .*can be written to$/);
    await lock.release();
  });

  it('that can be neither read nor deleted says so, and stays held until it can', async () => {
    const lock = await lockFile(file);
    await rm(lock.path);
    await symlink(lock.path, lock.path);
    const unread = await failure(() => lock.check());
    expect(unread).toBeInstanceOf(ConfigError);
    expect(unread.message).toMatch(/^cannot write \S+run\.lock: ELOOP: .*can be written to$/);
    const stays = await failure(() => lock.release());
    expect(stays).toBeInstanceOf(ConfigError);
    expect(stays.message).toMatch(
      /^cannot delete \S+run\.lock: ELOOP: .*; see that its folder can be written to, and release the lock of \S+run again$/,
    );
    await rm(lock.path);
    await lock.check();
    await lock.release();
    expect(await filesLeft()).toEqual([]);
  });

  it('where no file can be made is an error', async () => {
    const error = await failure(() => lockFile(join(folder, 'missing', 'run')));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/^cannot write \S+missing\/run: ENOENT: .*can be written to$/);
  });

  it('that is deleted is made again; one that another took over ends the run', async () => {
    const lock = await lockFile(file);
    await rm(lock.path);
    await lock.check();
    expect(await filesLeft()).toEqual(['run.lock']);
    await leave({ host: 'elsewhere', pid: 77, since: '2026-01-01' });
    await expect(lock.check()).rejects.toThrow(
      new ConfigError(
        `${file}: expected its lock ${file}.lock to be this process's own, it was taken over by ` +
          'process 77 on elsewhere, since 2026-01-01; two runs would overwrite each other: end one',
      ),
    );
    // It is not ours to delete.
    await lock.release();
    expect(await filesLeft()).toEqual(['run.lock']);
  });
});

describe('a lock of another process', () => {
  it('that runs is respected, also with force; the error names it', async () => {
    const { child } = await holding('hold');
    const { since } = JSON.parse(await readFile(`${file}.lock`, 'utf8')) as { since: string };
    for (const force of [false, true]) {
      const error = await failure(() => lockFile(file, { force }));
      expect(error).toEqual(
        new ConfigError(
          `${file} is used by process ${child.pid} on ${hostname()}, since ${since}; wait for its end, ` +
            'or name another file',
        ),
      );
    }
  });

  it('that is killed is replaced at once', async () => {
    const { child } = await holding('hold');
    child.kill('SIGKILL');
    // It may be a zombie for a moment.
    await new Promise((resolve) => child.on('exit', resolve));
    expect(await filesLeft()).toEqual(['run.lock']);
    await (await lockFile(file)).release();
    expect(await filesLeft()).toEqual([]);
  });

  it.each(['end', 'exit', 'throw'])('that comes to its end by %s is gone', async (how) => {
    const { outcome } = await holding(how);
    expect((await outcome).code).toBe(how === 'throw' ? 1 : 0);
    expect(await filesLeft()).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('that %s ends is gone', async (signal) => {
    const { child, outcome } = await holding('hold');
    child.kill(signal);
    expect((await outcome).signal).toBe(signal);
    expect(await filesLeft()).toEqual([]);
  });

  it('that listens to Ctrl-C decides itself when it ends', async () => {
    const { child, seen, outcome } = await holding('listen');
    child.kill('SIGINT');
    await seen(/^heard$/m);
    expect(await filesLeft()).toEqual(['run.lock']);
    child.kill('SIGINT');
    expect((await outcome).signal).toBe('SIGINT');
    expect(await filesLeft()).toEqual([]);
  });
});

describe('a lock that was left', () => {
  it('by a process that is gone is replaced', async () => {
    await leave({ pid: await pidOfGone() });
    await (await lockFile(file)).release();
    expect(await filesLeft()).toEqual([]);
  });

  it('by one whose number another process has by now is replaced', async () => {
    // This process runs, and did not begin then; nor in that boot of the machine.
    for (const started of ['x/1', 'other']) {
      await leave({ started });
      await (await lockFile(file)).release();
    }
    expect(await filesLeft()).toEqual([]);
  });

  it.each([
    ['another host', { host: 'elsewhere', pid: 12, since: '2026-01-01' }],
    ['another container', { space: 'elsewhere', pid: 12, since: '2026-01-01' }],
  ])('on %s is taken over by force only', async (_, changes) => {
    await leave(changes);
    const host = 'host' in changes ? changes.host : hostname();
    await expect(lockFile(file)).rejects.toThrow(
      new ConfigError(
        `${file} is used by process 12 on ${host}, since 2026-01-01, which cannot be looked after from ` +
          `here; if it has ended, ${FORCE}`,
      ),
    );
    await (await lockFile(file, { force: true })).release();
    expect(await filesLeft()).toEqual([]);
  });

  it('where the system tells no starts of processes is taken over by force only', async () => {
    await leave({ started: null, pid: process.ppid, since: '2026-01-01' });
    await expect(lockFile(file)).rejects.toThrow(
      new ConfigError(
        `${file} is used by process ${process.ppid} on ${hostname()}, since 2026-01-01; if that process ` +
          `is another one by now, ${FORCE}`,
      ),
    );
    await (await lockFile(file, { force: true })).release();
    // A number that no process has needs no force.
    await leave({ started: null, pid: await pidOfGone() });
    await (await lockFile(file)).release();
    expect(await filesLeft()).toEqual([]);
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"id":"0123456789abcdef","pid":1'],
    [
      'no holder',
      '{"id":"0123456789abcdef","pid":-1,"started":null,"host":"","space":null,"since":""}',
    ],
    ['a text', 'do not touch'],
    ['more than any holder', 'x'.repeat(10_000)],
  ])('%s is taken over by force only', async (_, content) => {
    await writeFile(`${file}.lock`, content);
    await expect(lockFile(file)).rejects.toThrow(
      new ConfigError(
        `${file}: expected a lock in ${file}.lock, got something else, so nobody can tell who uses the ` +
          `file; if no run does, ${FORCE}`,
      ),
    );
    expect(await readFile(`${file}.lock`, 'utf8')).toBe(content);
    await (await lockFile(file, { force: true })).release();
    expect(await filesLeft()).toEqual([]);
  });

  it('as a pipe is not waited for, and taken over by force only', async () => {
    execFileSync('mkfifo', [`${file}.lock`]);
    await expect(lockFile(file)).rejects.toThrow(
      /^\S+run: expected a lock in \S+, got something else/,
    );
    await (await lockFile(file, { force: true })).release();
    expect(await filesLeft()).toEqual([]);
  });

  it('half made or half replaced by a process that was killed is in nobody’s way', async () => {
    const pid = await pidOfGone();
    const id = '0123456789abcdef';
    await leave({ pid, id });
    await leave({ pid }, `${file}.lock.${id}`);
    const here = await temporaryEnding();
    const elsewhere = `${'0'.repeat(16)}.tmp`;
    await leave({ pid }, `${file}.lock.fedcba9876543210.${pid}.${elsewhere}`);
    await leave(
      { pid: process.ppid, started: null },
      `${file}.lock.aaaaaaaaaaaaaaaa.${process.ppid}.${here}`,
    );
    // Killed before it had written a word: its name says whose it was.
    await writeFile(`${file}.lock.bbbbbbbbbbbbbbbb.${pid}.${here}`, '');
    await writeFile(`${file}.lock.cccccccccccccccc.${pid}.${elsewhere}`, '');
    await writeFile(`${file}.lock.note`, 'mine');
    const lock = await lockFile(file);
    // What may be another's that lives stays, and what is no lock.
    expect((await filesLeft()).sort()).toEqual([
      'run.lock',
      `run.lock.aaaaaaaaaaaaaaaa.${process.ppid}.${here}`,
      `run.lock.cccccccccccccccc.${pid}.${elsewhere}`,
      'run.lock.note',
    ]);
    await lock.release();
  });
});

describe('several processes', () => {
  it('that find a dead lock at once: one has it', async () => {
    const pid = await pidOfGone();
    const starters = await Promise.all(Array.from({ length: 6 }, () => ready('hold')));
    for (let round = 0; round < 2; round++) {
      // The second time the guard of the first, who was killed with it in hand, is there too.
      await leave({ pid, id: `000000000000000${round}` });
      if (round === 1) await leave({ pid }, `${file}.lock.0000000000000001`);
      const group = starters.slice(3 * round, 3 * round + 3);
      for (const starter of group) go(starter);
      const said = await Promise.all(
        group.map(({ seen }) =>
          Promise.race([
            seen(/^held$/m).then(() => 'held'),
            seen(/is used by process/).then(() => 'refused'),
          ]),
        ),
      );
      expect(said.sort()).toEqual(['held', 'refused', 'refused']);
      for (const { child, outcome } of group) {
        child.kill('SIGKILL');
        await outcome;
      }
    }
  });

  it('take turns, whichever of them are killed', async () => {
    const turns = 40;
    const workers = await Promise.all(Array.from({ length: 3 }, () => ready('turns', turns)));
    const victims = await Promise.all(Array.from({ length: 3 }, () => ready('turns', 1e9)));
    for (const starter of [...workers, ...victims]) go(starter);
    for (const { child } of victims) {
      await new Promise((resolve) => setTimeout(resolve, 50 + 150 * Math.random()));
      child.kill('SIGKILL');
    }
    for (const { outcome } of workers) {
      expect(await outcome).toMatchObject({ code: 0, stdout: 'ready\ndone\n', stderr: '' });
    }
    await (await lockFile(file)).release();
    expect((await filesLeft()).filter((name) => name !== 'run.work')).toEqual([]);
  });
});
