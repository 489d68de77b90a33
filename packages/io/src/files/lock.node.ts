import { createHash, randomBytes } from 'node:crypto';
import { constants, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { copyFile, link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '@unfold/core';
import { isObject } from '../strict-json.js';
import { atEnd } from './at-end.node.js';
import { codeOf } from './code-of.js';
import type { HeldLock } from './files.js';
import { removeBeside } from './leftovers.node.js';
import { targetOf } from './target.node.js';

/*
 * A lock is a file beside the one that it guards, which names the process that made it. It appears
 * with its whole content at once, by a hard link. A process that ends takes its locks along; what a
 * crash leaves is replaced by the next one, because the process that it names is gone. Of several
 * that find a dead lock at once, one may replace it: the one that holds a lock on that very lock, a
 * file that is named after it. So nobody ever removes a lock that has just been made.
 */

/** The holder of a lock, as its file names it. */
interface Holder {
  /** A name that this lock alone has. */
  readonly id: string;
  readonly pid: number;
  /** When the process began, as the system counts; null where it doesn't tell. */
  readonly started: string | null;
  readonly host: string;
  /** Where numbers of processes mean the same, beside the host's name; null where that is all. */
  readonly space: string | null;
  /** When the lock was made: ISO 8601, in UTC. */
  readonly since: string;
}

/** A lock that this process made. */
interface Own {
  readonly id: string;
  readonly path: string;
  readonly text: string;
}

/** Milliseconds for which others that start at the same moment are waited for. */
const PATIENCE = 10_000;
/** And until a lock that makes no sense counts as damaged: without hard links it is written in two steps. */
const WRITING = 1000;
const PAUSE = 20;
/** More than a lock has. */
const MOST_BYTES = 4096;
const FORCE = 'take it over by --force-lock, in a program by lockFile(file, { force: true })';

/** The ids of this process's locks. */
const held = new Set<string>();

/** The lock that `lock` gives. */
class Lock implements HeldLock {
  readonly path: string;
  readonly #file: string;
  #own: Own;
  /** Takes back what is to be done where the process ends. */
  readonly #forget: () => void;
  /** Ends when what was asked for last is done: one thing at a time is done to a lock. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: string, own: Own) {
    this.path = own.path;
    this.#file = file;
    this.#own = own;
    held.add(own.id);
    this.#forget = atEnd(() => removeAtOnce(this.#own));
  }

  check(): Promise<void> {
    return this.#inTurn(async () => {
      const { id, path, text } = this.#own;
      if (!held.has(id)) {
        throw new ConfigError(`${this.#file}: its lock was released; take another`);
      }
      const now = await contentOf(path);
      if (now === text) return;
      const again = now === null ? await attempt(path, () => false) : null;
      if (again) {
        held.delete(id);
        held.add(again.id);
        this.#own = again;
        return;
      }
      const holder = parse(now ?? '');
      throw new ConfigError(
        `${this.#file}: expected its lock ${path} to be this process's own, it was taken over` +
          `${holder ? ` by ${describe(holder)}` : ''}; two runs would overwrite each other: end one`,
      );
    });
  }

  release(): Promise<void> {
    return this.#inTurn(async () => {
      if (!held.has(this.#own.id)) return;
      await remove(this.#own);
      held.delete(this.#own.id);
      this.#forget();
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

/** See `Files`. */
export async function lock(
  file: string,
  { force }: { readonly force: boolean },
): Promise<HeldLock> {
  const path = await lockOf(file);
  const begin = performance.now();
  const mayReplace = (text: string): boolean => {
    const holder = parse(text);
    if (!holder && performance.now() - begin < WRITING) return false;
    const state = holder ? stateOf(holder) : 'damaged';
    if (state === 'gone') return true;
    if (force && state !== 'running') return true;
    throw new ConfigError(messageFor({ file, path, holder, state }));
  };
  for (;;) {
    const own = await attempt(path, mayReplace);
    if (own) {
      const made = new Lock(file, own);
      await removeBeside(path, LEFTOVER, isLeft);
      return made;
    }
    if (performance.now() - begin > PATIENCE) {
      throw new ConfigError(`${file}: others take its lock ${path} all the time; try again`);
    }
    await sleep(PAUSE);
  }
}

/** See `Files`. */
export async function lockOf(file: string): Promise<string> {
  return `${await targetOf(file).catch(() => file)}.lock`;
}

/**
 * Tries once to make a lock.
 * @param mayReplace Whether one of this content may be replaced, which is there.
 * @returns Null if another was faster.
 */
async function attempt(path: string, mayReplace: (text: string) => boolean): Promise<Own | null> {
  const id = randomBytes(8).toString('hex');
  const own = { id, path, text: `${JSON.stringify(newHolder(id))}\n` };
  const temporary = `${path}.${id}.${process.pid}.${keyOfProcesses()}.tmp`;
  try {
    await writeSynced(temporary, own.text);
    if (await linked(temporary, path)) return own;
    const there = await contentOf(path);
    // A network may lose the answer, and say of a link that it had been there before.
    if (there === own.text) return own;
    if (there === null || !mayReplace(there)) return null;
    const guard = await attempt(`${path}.${idIn(there)}`, isOfGone);
    if (!guard) return null;
    try {
      if ((await contentOf(path)) !== there) return null;
      await rename(temporary, path);
      return own;
    } finally {
      // What stays of this one is in nobody's way, and the lock is made all the same.
      await remove(guard).catch(() => {});
    }
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/** Flushed, so that a power failure leaves no empty lock. */
async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives a file a second name. @returns False if there is a file of that name. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
  }
  try {
    // Some file systems, such as FAT, have no links.
    await copyFile(from, to, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Null if there is no such file; of what can be no lock, a pipe that would be waited for too, nothing. */
async function contentOf(path: string): Promise<string | null> {
  try {
    const found = await stat(path);
    return found.isFile() && found.size <= MOST_BYTES ? await readFile(path, 'utf8') : '';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function remove({ path, text }: Own): Promise<void> {
  if ((await contentOf(path)) === text) await rm(path, { force: true });
}

/** The same where nothing can be waited for. */
function removeAtOnce({ path, text }: Own): void {
  if (readLine(path) === text.trim()) rmSync(path, { force: true });
}

/**
 * Whether a lock, or what was to become one, is of a process that is gone. A process may have been
 * killed before it had written into its temporary file, so that its name says whose it is.
 */
async function isLeft(file: string): Promise<boolean> {
  const [, pid, key] = TEMPORARY.exec(file) ?? [];
  if (key === keyOfProcesses() && startOf(Number(pid)) === undefined) return true;
  const text = await contentOf(file).catch(() => null);
  return text !== null && isOfGone(text);
}

/** The endings that are added to a lock's name: its guards' ids, and the marks of a temporary file. */
const LEFTOVER = /^[\da-f]{16}(\.[\da-f]{16})*(\.\d+\.[\da-f]{16}\.tmp)?$/;
const TEMPORARY = /\.(\d+)\.([\da-f]{16})\.tmp$/;

/** A word for where numbers of processes mean the same as here. */
function keyOfProcesses(): string {
  return digest(`${hostname()} ${spaceOfProcesses()}`);
}

/** Sixteen hexadecimal digits that follow from a text. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function newHolder(id: string): Holder {
  return {
    id,
    pid: process.pid,
    started: startOf(process.pid) ?? null,
    host: hostname(),
    space: spaceOfProcesses(),
    since: new Date().toISOString(),
  };
}

/** Null for anything else than a holder. */
function parse(text: string): Holder | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const { id, pid, started, host, space, since } = value;
  const isText = (field: unknown): field is string => typeof field === 'string';
  const isOptional = (field: unknown): field is string | null => field === null || isText(field);
  const isPid = typeof pid === 'number' && Number.isInteger(pid) && pid > 0 && pid < 2 ** 31;
  if (!isPid || !isText(id) || !/^[\da-f]{16}$/.test(id) || !isText(host) || !isText(since)) {
    return null;
  }
  if (!isOptional(started) || !isOptional(space)) return null;
  return { id, pid, started, host, space, since };
}

/** The id in a lock; of a damaged one, what depends on its content alone. */
function idIn(text: string): string {
  return parse(text)?.id ?? digest(text);
}

/**
 * Finds out about a holder: `gone` only where its process is; `unclear` where there is a process of
 * its number, and nobody can tell whether it is the same.
 */
function stateOf(holder: Holder): 'gone' | 'running' | 'unclear' | 'elsewhere' {
  if (holder.host !== hostname() || holder.space !== spaceOfProcesses()) return 'elsewhere';
  if (held.has(holder.id)) return 'running';
  const started = startOf(holder.pid);
  if (started === undefined) return 'gone';
  if (started === null || holder.started === null) return 'unclear';
  return started === holder.started ? 'running' : 'gone';
}

function isOfGone(text: string): boolean {
  const holder = parse(text);
  return holder !== null && stateOf(holder) === 'gone';
}

/**
 * When a process began: on Linux the boot, and clock ticks since. Null where that cannot be read;
 * undefined if there is no such process.
 */
function startOf(pid: number): string | null | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Any other error is about a process that exists.
    if (codeOf(error) === 'ESRCH') return undefined;
  }
  const stat = readLine(`/proc/${pid}/stat`);
  const boot = readLine('/proc/sys/kernel/random/boot_id');
  if (stat === null || boot === null) return null;
  // Its second field, a name in brackets, may hold anything. man 5 proc: state is 3, starttime 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended, and waits for its parent to hear of it.
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return `${boot}/${fields[19]}`;
}

/** On Linux the machine and the namespace: two containers of one host do not see each other's processes. */
function spaceOfProcesses(): string | null {
  let namespace: string;
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
  return `${readLine('/etc/machine-id') ?? ''}/${namespace}`;
}

function readLine(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}

function describe({ pid, host, since }: Holder): string {
  return `process ${pid} on ${host}, since ${since}`;
}

function messageFor({
  file,
  path,
  holder,
  state,
}: {
  readonly file: string;
  readonly path: string;
  readonly holder: Holder | null;
  readonly state: string;
}): string {
  if (!holder) {
    return (
      `${file}: expected a lock in ${path}, got something else, so nobody can tell who uses the ` +
      `file; if no run does, ${FORCE}`
    );
  }
  const isOwn = state === 'running' && holder.pid === process.pid;
  const used = `${file} is used by ${isOwn ? 'another run of this process' : describe(holder)}`;
  switch (state) {
    case 'elsewhere':
      return `${used}, which cannot be looked after from here; if it has ended, ${FORCE}`;
    case 'unclear':
      return `${used}; if that process is another one by now, ${FORCE}`;
    default:
      return `${used}; wait for its end, or name another file`;
  }
}
