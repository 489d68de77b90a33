import { ConfigError, type OptionRules } from '@unfold/core';
import { checkOptions, flag } from '@unfold/core/internal';
import { requireFile } from '../arguments.js';
import { reasonOf } from '../messages.js';
import { filesFor } from './files-for.js';
import type { HeldLock } from './files.js';
import { cannotWrite } from './write.js';

/** Options of `lockFile`. */
export interface LockFileOptions {
  /**
   * Take over a lock whose holder may be gone, and nobody can tell: of another host, or damaged. One
   * of a process that runs on this host is never taken over. Default false.
   */
  readonly force?: boolean;
}

const OPTIONS: OptionRules<LockFileOptions> = { force: flag };

const INSTEAD = 'keep other pages off by navigator.locks';

/** Keeps other processes, and other runs of this one, off a file. Made by `lockFile`. */
export class FileLock {
  /** The file that it guards. */
  readonly file: string;
  /** The file that is the lock. */
  readonly path: string;
  readonly #lock: HeldLock;

  /** @internal */
  constructor(file: string, lock: HeldLock) {
    this.file = file;
    this.path = lock.path;
    this.#lock = lock;
  }

  /**
   * Sees that the lock is still there, and makes it again if it was deleted.
   * @throws ConfigError if it was released, or another process holds it now; or, with the system's
   * reason, if that cannot be found out, or the lock cannot be made again.
   */
  async check(): Promise<void> {
    try {
      await this.#lock.check();
    } catch (error) {
      throw error instanceof ConfigError ? error : cannotWrite(this.path, error);
    }
  }

  /**
   * Gives the file free. May be called again.
   * @throws ConfigError, with the system's reason, if the lock cannot be deleted. It stays held then, may
   * be released again, and is tried once more where the process ends.
   */
  async release(): Promise<void> {
    try {
      await this.#lock.release();
    } catch (error) {
      throw new ConfigError(
        `cannot delete ${this.path}: ${reasonOf(error)}; see that its folder can be written to, and ` +
          `release the lock of ${this.file} again`,
        { cause: error },
      );
    }
  }
}

/**
 * Locks a file, which need not exist, by a file beside it with `.lock` behind its name. The lock is
 * gone when it is released or the process ends. What a process leaves that was killed is replaced.
 * @throws ConfigError that says who holds the file; or, with the system's reason, if the lock cannot
 * be written; or in a browser.
 */
export async function lockFile(file: string, options: LockFileOptions = {}): Promise<FileLock> {
  requireFile('lockFile', file);
  checkOptions('lockFile', options, OPTIONS);
  const { force = false } = options;
  const files = filesFor('lockFile', INSTEAD);
  try {
    return new FileLock(file, await files.lock(file, { force }));
  } catch (error) {
    throw error instanceof ConfigError ? error : cannotWrite(file, error);
  }
}
