import { appendFile, close, fdatasync, fstat, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { ConfigError, type UnfoldError } from '@unfold/core';
import { cannotWrite } from '@unfold/io/internal';

/** So many bytes are written at once, without waiting for the time to come. */
const CHUNK = 64 * 1024;
/** More bytes than this are not held. */
const MOST_WAITING = 64 * 1024 * 1024;

const append = promisify(appendFile);
const sync = promisify(fdatasync);
const status = promisify(fstat);
const closeFile = promisify(close);

/**
 * A new file that grows at its end, in the background. What is appended waits for at most some seconds,
 * or until there is enough of it, and is written in order. An error ends the writing for good; every
 * call after it throws the same one, so none is lost.
 */
export class AppendFile {
  readonly #file: string;
  readonly #delay: number;
  readonly #fd: number;
  #pending: Uint8Array[] = [];
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | null = null;
  #synced = Promise.resolve();
  #closing: Promise<void> | null = null;
  #failure: UnfoldError | null = null;

  /**
   * @param delay Milliseconds that something appended waits at most.
   * @throws ConfigError if the file cannot be made, or there is one already.
   */
  constructor(file: string, delay: number) {
    this.#file = file;
    this.#delay = delay;
    try {
      this.#fd = openSync(file, 'ax');
    } catch (error) {
      throw cannotWrite(file, error);
    }
  }

  /** Bytes that were appended and that the system doesn't have yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Adds `bytes`, which may not change afterwards, at the end.
   * @throws ConfigError if an earlier write failed, after `close`, and if 64 MiB are waiting.
   */
  append(bytes: Uint8Array): void {
    if (this.#failure) throw this.#failure;
    if (this.#closing) throw new ConfigError(`cannot write ${this.#file}: it was closed`);
    if (this.#waiting > MOST_WAITING) {
      throw new ConfigError(
        `cannot write ${this.#file}: ${this.#waiting} bytes wait to be written; await flush() now and then`,
      );
    }
    this.#pending.push(bytes);
    this.#waiting += bytes.length;
    if (this.#waiting >= CHUNK) void this.#write();
    else this.#timer ??= setTimeout(() => void this.#write(), this.#delay);
  }

  /**
   * Waits until all that was appended is on the disk.
   * @throws ConfigError, with the system's reason, if it could not be written.
   */
  flush(): Promise<void> {
    return this.#closing ?? this.#sync();
  }

  /** As `flush`, and closes the file, in any case. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#sync().finally(() => closeFile(this.#fd));
    return this.#closing;
  }

  /** One after the other, so that none meets a file that was closed. */
  #sync(): Promise<void> {
    const synced = this.#synced.then(async () => {
      await this.#write();
      if (this.#failure) throw this.#failure;
      await sync(this.#fd).catch((error: unknown) => this.#fail(error));
      if (this.#failure) throw this.#failure;
    });
    this.#synced = synced.catch(() => {});
    return synced;
  }

  /** Writes what is pending, and what becomes so meanwhile. Never rejects. */
  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writePending();
    return this.#writing;
  }

  #fail(error: unknown): void {
    this.#failure = cannotWrite(this.#file, error);
    this.#pending = [];
    this.#waiting = 0;
  }

  async #writePending(): Promise<void> {
    try {
      do {
        const chunk = Buffer.concat(this.#pending);
        this.#pending = [];
        if (chunk.length > 0) await append(this.#fd, chunk);
        this.#waiting -= chunk.length;
        // Writing goes on without an error to a file that has no name any more, and nobody could read it.
        const { nlink } = await status(this.#fd);
        if (nlink === 0) throw new Error('it was deleted while it was being written');
      } while (this.#pending.length > 0);
    } catch (error) {
      this.#fail(error);
    } finally {
      // In the same moment as the last look at what is pending, or something could fall between.
      this.#writing = null;
    }
  }
}
